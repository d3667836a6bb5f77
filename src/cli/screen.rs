//! What commands print: colour only on a terminal that wants it, JSON where asked for.

use std::error::Error;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

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

/// The width to wrap to: the terminal's, or 100 where there is none.
pub fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    columns.unwrap_or(100).clamp(40, 120)
}

/// Prints a value as JSON, indented.
pub fn json(value: &impl serde::Serialize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = serde_json::to_string_pretty(value)?;
    line(&text)?;
    Ok(())
}

/// Prints one line. A reader that went away, as `head` does, ends the command quietly.
pub fn line(text: &str) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    match writeln!(out, "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other,
    }
}

/// Sends what is traced to standard error; `ROGATORY_LOG` says how much, as `info` or `rogatory::region=debug`.
pub fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ROGATORY_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
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
