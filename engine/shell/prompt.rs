//! Console transcripts: which lines are commands, and which are their output: [`transcript`].
//!
//! A line with a prompt makes a text a transcript. `# ` alone is a comment and `> ` no prompt, because
//! both begin lines of ordinary scripts.

use super::parse;
use super::scan::{first_end, scan};
use std::ops::Range;

/// A console transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// Its commands in order; lines before the first prompt that are no comments belong to none.
    pub commands: Vec<TranscriptCommand>,
}

/// One command of a transcript. Lines count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptCommand {
    /// Comment lines directly above it.
    pub comments: Range<usize>,
    /// The lines of the command: the one with the prompt, and those that continue it.
    pub lines: Range<usize>,
    /// Bytes of prompt to take from the first line.
    pub prompt: usize,
    /// The lines it printed; empty when none are shown.
    pub output: Range<usize>,
}

/// A command of more lines than this continues only by backslash, quote or heredoc.
const MAX_COMPOUND: usize = 40;

/// Reads a text as a transcript; none if no line has a prompt.
pub fn transcript(text: &str) -> Option<Transcript> {
    let mut start = 0;
    let lines = text
        .split('\n')
        .map(|line| {
            let at = start;
            start += line.len() + 1;
            (at, line)
        })
        .collect::<Vec<_>>();
    let mut prompts = (0..lines.len())
        .filter_map(|index| prompt(lines[index].1).map(|bytes| (index, bytes)))
        .collect::<Vec<_>>();
    let first = prompts.first()?.0;
    // A script may write a heredoc that shows a transcript.
    let scanned = text[..lines[first].0].contains("<<").then(|| scan(text));
    if scanned.is_some_and(|scan| scan.heredoc(lines[first].0).is_some()) {
        return None;
    }
    prompts.reverse();
    let mut commands: Vec<TranscriptCommand> = Vec::new();
    while let Some((line, bytes)) = prompts.pop() {
        let next = prompts.last().map_or(lines.len(), |(next, _)| *next);
        let body = |until: usize| {
            let (at, last) = lines[until - 1];
            &text[lines[line].0 + bytes..at + last.len()]
        };
        let mut count = command_lines(body(next));
        if line + count > next {
            count = next - line;
        }
        let from = commands.last().map_or(0, |before| before.lines.end);
        let comments = (from..line).rev().take_while(|index| is_comment(lines[*index].1)).count();
        commands.push(TranscriptCommand {
            comments: line - comments..line,
            lines: line..line + count,
            prompt: bytes,
            output: line + count..next,
        });
    }
    for index in 0..commands.len() {
        let end = commands.get(index + 1).map(|next| next.comments.start);
        let output = &mut commands[index].output;
        output.end = end.unwrap_or(output.end);
        while output.start < output.end && lines[output.end - 1].1.trim().is_empty() {
            output.end -= 1;
        }
        while output.start < output.end && lines[output.start].1.trim().is_empty() {
            output.start += 1;
        }
    }
    Some(Transcript { commands })
}

fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line == "#" || line.starts_with("# ")
}

/// How many lines the command at the beginning of `text` has.
fn command_lines(text: &str) -> usize {
    let whole = first_end(text).unwrap_or_else(|| {
        // What never closes is a mistake of its own line, not a reason to swallow its output.
        let mut end = 0;
        for line in text.split_inclusive('\n') {
            end += line.len();
            if !line.trim_end().ends_with('\\') {
                break;
            }
        }
        end
    });
    let count = text[..whole].lines().count().max(1);
    // `for … do` and its like need the grammar; a word that is missing shows as an error.
    let mut end = whole;
    let mut lines = count;
    if parse(&text[..whole]).is_complete() {
        return count;
    }
    for line in text[whole..].split_inclusive('\n').take(MAX_COMPOUND) {
        end += line.len();
        lines += 1;
        if parse(&text[..end]).is_complete() {
            return lines;
        }
    }
    count
}

/// The bytes of the prompt a line begins with, blanks before it included.
fn prompt(line: &str) -> Option<usize> {
    let mut rest = line.trim_start_matches([' ', '\t']);
    // `(venv) $ `
    if let Some((_, behind)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(") ")) {
        let name = &rest[1..rest.len() - behind.len() - 2];
        if name.len() <= 40
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte))
        {
            rest = behind;
        }
    }
    let (host, behind) = head(rest);
    let behind = behind.trim_end_matches('\r');
    let sign = behind.strip_prefix(['$', '#'])?;
    if host.is_empty() && behind.starts_with('#') || !(sign.is_empty() || sign.starts_with(' ')) {
        return None;
    }
    let end = line.len() - line.trim_end_matches('\r').len();
    Some(line.len() - end - sign.trim_start_matches(' ').len())
}

/// Splits `user@host:~`, `[user@host dir]` or `sh-4.4` from what follows.
fn head(line: &str) -> (&str, &str) {
    if line.starts_with('[') {
        let end = line.bytes().take(80).position(|byte| byte == b']');
        let inner = end.map_or("", |end| &line[1..end]);
        let is_place = inner.contains('@') && !inner.contains(['"', '\'', '=', '$', '(']);
        return if is_place { line.split_at(inner.len() + 2) } else { ("", line) };
    }
    let word = line.bytes().take(120).position(|byte| matches!(byte, b'$' | b'#' | b' ')).unwrap_or(0);
    let (name, rest) = line.split_at(word);
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let is_shell = ["sh-", "bash-", "ash-", "zsh-"].iter().any(|shell| {
        name.strip_prefix(shell)
            .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    });
    let (login, path) = name.split_once(':').unwrap_or((name, ""));
    let is_login = login.split_once('@').is_some_and(|(user, host)| plain(user) && plain(host));
    let is_place = path.starts_with(['~', '/']) && (is_login || plain(login));
    if is_shell || is_place || is_login && path.is_empty() { (name, rest) } else { ("", line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each command without its prompt, `|`, its output.
    fn read(text: &str) -> Vec<String> {
        let lines = text.split('\n').collect::<Vec<_>>();
        let commands = transcript(text).map(|found| found.commands).unwrap_or_default();
        let one = |command: &TranscriptCommand| {
            let own = lines[command.lines.clone()].join("\n");
            let comments = lines[command.comments.clone()].join("\n");
            format!("{comments}{}|{}", &own[command.prompt..], lines[command.output.clone()].join("\n"))
        };
        commands.iter().map(one).collect()
    }

    #[test]
    fn commands_are_told_from_their_output() {
        for (text, expected) in [
            ("$ ls\na\nb\n$ df\n", vec!["ls|a\nb", "df|"]),
            ("  $ ls\n  a", vec!["ls|  a"]),
            ("intro\n\n$ ls\n\na\n\n", vec!["ls|a"]),
            ("# 1. look\n$ ls\na\n# 2. again\n$ df", vec!["# 1. lookls|a", "# 2. againdf|"]),
            ("$ curl h/metrics\n# HELP x\nx 1\n$ ls", vec!["curl h/metrics|# HELP x\nx 1", "ls|"]),
            ("user@host$ ls\nuser@host:~/a$ df\nroot@h:/# id", vec!["ls|", "df|", "id|"]),
            ("sh-4.4# ls\nbash-5.1$ df", vec!["ls|", "df|"]),
            ("[root@x ~]# ls\na\n[core@y tmp]$ df", vec!["ls|a", "df|"]),
            ("(venv) $ ls\n(base) me@h:~$ df", vec!["ls|", "df|"]),
            ("host:~$ ls", vec!["ls|"]),
            ("$ a \\\n  --b \\\n  --c\nout", vec!["a \\\n  --b \\\n  --c|out"]),
            ("$ cat <<E\n$x\nE\nout", vec!["cat <<E\n$x\nE|out"]),
            ("$ echo 'a\nb'\na\nb", vec!["echo 'a\nb'|a\nb"]),
            ("$ for i in 1 2; do\n  echo $i\ndone\n1\n2", vec!["for i in 1 2; do\n  echo $i\ndone|1\n2"]),
            ("$ a |\n  b\nout", vec!["a |\n  b|out"]),
            ("$ echo don't\nout\nmore\n$ ls", vec!["echo don't|out\nmore", "ls|"]),
            ("$ kubectl logs <pod>\nx", vec!["kubectl logs <pod>|x"]),
            ("$ ls\r\na\r\n$\r\n", vec!["ls\r|a\r", "\r|"]),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn scripts_are_no_transcripts() {
        for text in [
            "",
            "ls\ndf",
            "# comment\nls",
            "$X ls",
            "echo $ x",
            "> file",
            "a@b",
            "cat <<E\n$ ls\nE",
            "[ -f x ]# y",
            "mysql> show",
            "$(ls)",
            "/ # ls",
            "x# y",
            "user@host",
            "echo a@b $ c",
        ] {
            assert_eq!(transcript(text), None, "{text}");
        }
    }

    #[test]
    fn long_transcripts_take_linear_time() {
        for part in ["$ ls 'x\nout\n", "$ for\nout\n", "$ ls\nout \"\n", "$ a \\\n"] {
            assert!(transcript(&part.repeat(3_000)).is_some());
        }
        assert_eq!(
            transcript(&format!("$ ls\n{}", "x\n".repeat(100_000))).map(|found| found.commands.len()),
            Some(1)
        );
    }
}
