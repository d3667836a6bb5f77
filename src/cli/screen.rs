//! What commands print: colour only on a terminal that wants it, JSON where asked for.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// How a listing is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; the shapes are in docs/formats.md.
    Json,
}

pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const BAD: Style = AnsiColor::Red.on_default();

/// True if standard output is a terminal that wants colour (see <https://no-color.org>).
pub fn colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// The width to wrap to: the terminal's, or 100 columns where there is none.
pub fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    // Asked of the system through the feature that clap's wrapping of its help needs too.
    let terminal = || rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col.into());
    said.or_else(terminal).filter(|columns| *columns > 0).unwrap_or(100).clamp(60, 120)
}

/// Whoever read the output went away, as `head` does when it has enough. The command ends quietly.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub struct ReaderGone;

/// Standard output, in colour only where [`colour`] says so.
pub struct Screen(anstream::AutoStream<std::io::StdoutLock<'static>>);

/// Standard output for as long as it is held.
pub fn screen() -> Screen {
    Screen(anstream::stdout().lock())
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(closed)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(closed)
    }
}

/// Standard output for who holds it across awaits: it is taken anew for each write.
pub struct Unlocked;

impl Write for Unlocked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        screen().write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        screen().flush()
    }
}

fn closed(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::BrokenPipe { io::Error::new(error.kind(), ReaderGone) } else { error }
}

/// True if an error says, somewhere in its chain, that the reader of the output went away.
pub fn is_reader_gone(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if error.is::<ReaderGone>() || inner.is_some_and(|inner| inner.is::<ReaderGone>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The lines of a text, broken at spaces; a word that is wider stands alone.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Prints a line that may be long, broken where the screen ends.
pub fn long_line(text: &str) -> io::Result<()> {
    line(&wrapped(text, width() - 2).join("\n  "))
}

/// `1 step`, `2 steps`.
pub fn count(number: usize, what: &str) -> String {
    counted(number, what, &format!("{what}s"))
}

/// `1 entry`, `2 entries`.
pub fn counted(number: impl Display, one: &str, several: &str) -> String {
    let number = number.to_string();
    format!("{number} {}", if number == "1" { one } else { several })
}

/// Prints a value as JSON, indented.
pub fn json(value: &impl serde::Serialize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = serde_json::to_string_pretty(value)?;
    line(&text)?;
    Ok(())
}

/// Prints text that ends its own lines.
pub fn text(text: &str) -> io::Result<()> {
    screen().write_all(text.as_bytes())
}

/// Prints one line.
pub fn line(text: &str) -> io::Result<()> {
    writeln!(screen(), "{text}")
}

/// Says something beside the answer, on standard error.
pub fn note(text: &str) {
    let mut err = anstream::stderr().lock();
    // Nobody to tell is no reason not to go on.
    let _ = writeln!(err, "{DIM}{text}{DIM:#}");
}

/// A bar or a spinner on standard error, there only on a terminal, and gone when it is dropped.
pub fn progress(total: Option<u64>, template: &str) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━━ "));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar.with_finish(ProgressFinish::AndClear)
}

/// Prints text that another program is to read, as it is.
pub fn raw(text: &str) -> std::io::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other,
    }
}

/// Sends what is traced to standard error; `ROGATORY_LOG` says how much, as `info` or `rogatory::region=debug`.
pub fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ROGATORY_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    // In colour for a terminal, and plain in a file.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(anstream::stderr).try_init();
}

/// Prints an error with its causes, joined by colons.
pub fn error(error: &(dyn Error + Send + Sync + 'static)) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{BAD}error:{BAD:#} {text}");
}
