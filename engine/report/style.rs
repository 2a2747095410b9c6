//! Colour, width and plain text: what every text form shares.
//!
//! Colour is only ever an addition: every text is understandable without it.

use crate::plan::spelt_out;
use std::time::Duration;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of every text form; terminals at night are narrow.
pub const WIDTH: usize = 80;

/// Whether colour is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// ANSI colours.
    Colour,
}

impl Style {
    /// `text` in bold.
    pub fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    /// `text` made faint.
    pub fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    /// `text` in the colour of success.
    pub fn good(self, text: &str) -> String {
        self.code("32", text)
    }

    /// `text` in the colour of failure.
    pub fn bad(self, text: &str) -> String {
        self.code("31", text)
    }

    /// `text` in the colour of what needs attention.
    pub fn warn(self, text: &str) -> String {
        self.code("33", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// What the environment and the caller say about colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourChoice {
    /// Where it is wanted and the output is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Decides on colour from `--color`, the environment (given as a look-up) and the output.
///
/// `NO_COLOR` (not empty) switches it off, `CLICOLOR_FORCE` (not empty, not `0`) on, `TERM=dumb` off.
pub fn choose(choice: ColourChoice, terminal: bool, var: impl Fn(&str) -> Option<String>) -> Style {
    let set = |name: &str| var(name).filter(|value| !value.is_empty());
    let colour = match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto => {
            if set("NO_COLOR").is_some() {
                false
            } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
                true
            } else {
                terminal && set("TERM").as_deref() != Some("dumb")
            }
        }
    };
    if colour { Style::Colour } else { Style::Plain }
}

/// `text` cut to `width` columns, with `…` where something is missing.
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect();
    format!("{}…", kept.trim_end())
}

/// `text` cut or filled to exactly `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let missing = width.saturating_sub(text.width());
    text + &" ".repeat(missing)
}

/// `text` broken at blanks into lines of at most `width` columns; a longer word stays whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.width() + 1 + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// A note's lines behind a bullet, of at most `width` columns.
pub fn bulleted(text: &str, width: usize) -> Vec<String> {
    let bullets = std::iter::once('•').chain(std::iter::repeat(' '));
    // A list's own bullet is in the text.
    let text = ["- ", "* ", "+ "].iter().find_map(|own| text.trim_start().strip_prefix(own)).unwrap_or(text);
    let lines = wrap(text, width.saturating_sub(2)).into_iter().filter(|line| !line.is_empty());
    lines.zip(bullets).map(|(line, bullet)| format!("{bullet} {}", printable(&line, Style::Plain))).collect()
}

/// One line of a program's output, fit to be shown: what a carriage return overwrote is gone, and
/// control characters do not reach the terminal. Colours survive where colour is written.
pub fn printable(line: &str, style: Style) -> String {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    let mut coloured = false;
    while let Some(c) = rest.next() {
        match c {
            '\t' => out.push(c),
            '\u{1b}' => {
                let sequence = escape(&mut rest);
                if style == Style::Colour && sequence.starts_with('[') && sequence.ends_with('m') {
                    coloured = true;
                    out.push('\u{1b}');
                    out.push_str(&sequence);
                }
            }
            c if c.is_control() || is_bidirectional(c) => {}
            c => out.push(c),
        }
    }
    if coloured {
        out.push_str("\u{1b}[0m");
    }
    out
}

/// The lines of a step's commands as they are shown before they run: the first behind `$`, the others
/// below it. What would move the cursor or hide a part is written out, so that nothing runs unseen.
pub fn commands(script: &str, style: Style) -> Vec<String> {
    let prompts = std::iter::once(style.dim("$")).chain(std::iter::repeat(" ".to_owned()));
    let lines = script.trim_end().lines().zip(prompts);
    lines
        .map(|(line, prompt)| {
            format!("{prompt} {}", spelt_out(line.trim_end_matches('\r'))).trim_end().to_owned()
        })
        .collect()
}

/// Bidirectional overrides would let a line look like another one.
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` on one line, without what could move the cursor or hide a part.
pub fn one_line(text: &str) -> String {
    text.lines().map(|line| printable(line, Style::Plain)).collect::<Vec<_>>().join(" ")
}

/// Takes the rest of an escape sequence.
fn escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut sequence = String::new();
    match rest.peek() {
        Some('[') => {
            sequence.extend(rest.next());
            for c in rest.by_ref() {
                sequence.push(c);
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    break;
                }
            }
        }
        // An operating system command (title, link, clipboard) ends in BEL or ESC `\`.
        Some(']') => {
            let mut before = ' ';
            for c in rest.by_ref() {
                if c == '\u{7}' || (before == '\u{1b}' && c == '\\') {
                    break;
                }
                before = c;
            }
        }
        Some(_) => {
            rest.next();
        }
        None => {}
    }
    sequence
}

/// A time for people: `39 ms`, `0.4 s`, `12 s`, `1 min 12 s`, `2 h 5 min`.
pub fn time(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0 s".to_owned();
    }
    if millis < 100 {
        return format!("{millis} ms");
    }
    if millis < 9_950 {
        let tenths = (millis + 50) / 100;
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (millis + 500) / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours, minutes, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) if minutes % 60 == 0 => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {} min", minutes % 60),
    }
}

/// A time in milliseconds for people.
pub fn millis(millis: u64) -> String {
    time(Duration::from_millis(millis))
}

/// A number of bytes for people: `812 B`, `12 kB`, `3.4 MB`.
pub fn size(bytes: u64) -> String {
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut scaled = bytes as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if scaled < 999.5 {
            break;
        }
        (scaled, unit) = (scaled / 1_000.0, next);
    }
    if scaled < 9.95 { format!("{scaled:.1} {unit}") } else { format!("{scaled:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_caller_then_the_environment_then_the_terminal() {
        let chosen = |choice, terminal, name: &str, value: &str| {
            choose(choice, terminal, |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(chosen(ColourChoice::Auto, true, "TERM", "xterm"), Style::Colour);
        assert_eq!(chosen(ColourChoice::Auto, false, "TERM", "xterm"), Style::Plain);
        assert_eq!(chosen(ColourChoice::Auto, true, "TERM", "dumb"), Style::Plain);
        assert_eq!(chosen(ColourChoice::Auto, true, "NO_COLOR", "1"), Style::Plain);
        assert_eq!(chosen(ColourChoice::Auto, true, "NO_COLOR", ""), Style::Colour);
        assert_eq!(chosen(ColourChoice::Auto, false, "CLICOLOR_FORCE", "1"), Style::Colour);
        assert_eq!(chosen(ColourChoice::Auto, false, "CLICOLOR_FORCE", "0"), Style::Plain);
        assert_eq!(chosen(ColourChoice::Always, false, "NO_COLOR", "1"), Style::Colour);
        assert_eq!(chosen(ColourChoice::Never, true, "CLICOLOR_FORCE", "1"), Style::Plain);
    }

    #[test]
    fn times_read_like_speech() {
        let said = |ms| millis(ms);
        assert_eq!(said(0), "0 s");
        assert_eq!(said(39), "39 ms");
        assert_eq!(said(449), "0.4 s");
        assert_eq!(said(9_949), "9.9 s");
        assert_eq!(said(9_950), "10 s");
        assert_eq!(said(59_600), "1 min");
        assert_eq!(said(72_000), "1 min 12 s");
        assert_eq!(said(3_600_000), "1 h");
        assert_eq!(said(7_500_000), "2 h 5 min");
    }

    #[test]
    fn sizes_have_two_or_three_digits() {
        for (bytes, said) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (12_345_678, "12 MB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(size(bytes), said);
        }
    }

    #[test]
    fn text_is_cut_and_filled_by_columns() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(bulleted("   - one two three\n\nfo\u{1b}[2Jur", 9), ["• one two", "  three", "  four"]);
    }

    #[test]
    fn nothing_of_a_command_is_hidden() {
        for (script, shown) in [
            ("ls\n", vec!["$ ls"]),
            ("cat <<E\n\tone\n\nE\n\n", vec!["$ cat <<E", "  \tone", "", "  E"]),
            ("rm -rf /\rls  \r\n", vec!["$ rm -rf /\\rls"]),
            ("echo \u{1b}[2K\u{202e}x", vec!["$ echo \\u{1b}[2K\\u{202e}x"]),
            ("", vec![]),
        ] {
            assert_eq!(commands(script, Style::Plain), shown, "{script:?}");
        }
        assert_eq!(commands("a\nb", Style::Colour), ["\u{1b}[2m$\u{1b}[0m a", "  b"]);
    }

    #[test]
    fn output_cannot_move_the_cursor() {
        let raw = "10%\r20%\u{1b}[2J\u{1b}[31mred\u{1b}[0m\u{7}\u{1b}]0;title\u{7}!\r";
        assert_eq!(printable(raw, Style::Plain), "20%red!");
        assert_eq!(printable(raw, Style::Colour), "20%\u{1b}[31mred\u{1b}[0m!\u{1b}[0m");
    }
}
