//! Elements, attributes and text, for XML and HTML alike: what is written is always escaped and always closed.

/// A document that is being written.
#[derive(Default)]
pub struct Markup {
    text: String,
}

impl Markup {
    /// A document that begins with this line, which is taken as it is.
    pub fn new(first: &'static str) -> Self {
        Markup { text: format!("{first}\n") }
    }

    pub fn finish(self) -> String {
        self.text
    }

    /// Text between tags.
    pub fn text(&mut self, text: &str) {
        escape(text, &mut self.text);
    }

    /// A line of its own that is not text: a style sheet. It is taken as it is.
    pub fn verbatim(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    /// An element with what is inside it.
    pub fn element(
        &mut self,
        name: &'static str,
        attributes: &[(&'static str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.text.push('>');
        inside(self);
        self.text.push_str(&format!("</{name}>"));
    }

    /// An element on lines of its own, so that the source can be read too.
    pub fn block(
        &mut self,
        name: &'static str,
        attributes: &[(&'static str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.element(name, attributes, |markup| {
            markup.text.push('\n');
            inside(markup);
            markup.line();
        });
        self.line();
    }

    /// An element that holds nothing but a text.
    pub fn leaf(&mut self, name: &'static str, attributes: &[(&'static str, &str)], text: &str) {
        self.element(name, attributes, |markup| markup.text(text));
    }

    /// An element that holds nothing.
    pub fn empty(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.open(name, attributes);
        self.text.push_str("/>");
    }

    /// Ends the line, if one has begun.
    pub fn line(&mut self) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.text.push_str(&format!("<{name}"));
        for (key, value) in attributes {
            self.text.push_str(&format!(" {key}=\""));
            escape(value, &mut self.text);
            self.text.push('"');
        }
    }
}

/// XML 1.0 has no way to write most control characters, not even escaped; each becomes the sign for what cannot be shown.
fn escape(text: &str, into: &mut String) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            '\n' | '\t' => into.push(c),
            '\u{fffe}' | '\u{ffff}' => into.push('\u{fffd}'),
            c if c.is_control() => into.push('\u{fffd}'),
            c => into.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_written_can_end_a_text_or_an_attribute() {
        let mut markup = Markup::default();
        markup.element("a", &[("b", "\"><script>'")], |a| {
            a.text("</a> & \u{1b}[31m]]>");
            a.empty("c", &[]);
        });
        assert_eq!(
            markup.finish(),
            "<a b=\"&quot;&gt;&lt;script&gt;&#39;\">&lt;/a&gt; &amp; \u{fffd}[31m]]&gt;<c/></a>"
        );
    }
}
