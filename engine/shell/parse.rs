//! Text → [`Script`]: statements, commands, comments, errors.
//!
//! Total: any text gives a script, and what the grammar did not understand is in its errors. A text
//! with errors is one statement, because boundaries inside it cannot be trusted.

use super::literal;
use super::placeholder::{self, Placeholder};
use super::scan::{Scan, scan};
use super::variables;
use super::{Assignment, Command, Comment, Inside, Quoting, Script, Statement, UNKNOWN, Word};
use crate::source::Span;
use std::cell::RefCell;
use std::ops::ControlFlow;
use tree_sitter::{Node, ParseOptions, Parser, Tree};

/// Deeper nesting than this is an error, so that no text can exhaust the stack.
pub(super) const MAX_DEPTH: usize = 200;

thread_local! {
    /// Making a parser costs more than parsing a few lines.
    static PARSER: RefCell<Option<Parser>> = const { RefCell::new(None) };
}

/// A text as the grammar and the quoting scan see it, placeholders neutralised.
pub(super) struct Parsed {
    pub(super) text: String,
    pub(super) placeholders: Vec<Placeholder>,
    pub(super) scan: Scan,
    /// None when the grammar gave up.
    pub(super) tree: Option<Tree>,
}

impl Parsed {
    /// The placeholders that overlap `span`.
    pub(super) fn placeholders_in(&self, span: Span) -> &[Placeholder] {
        let first = self.placeholders.partition_point(|place| place.span.end <= span.start);
        let beyond = self.placeholders.partition_point(|place| place.span.start < span.end);
        &self.placeholders[first..beyond.max(first)]
    }

    /// Whether the command that begins at `at` reads from a pipe.
    fn is_piped(&self, at: usize) -> bool {
        let before = self.text[..self.scan.command_start(at)].trim_end_matches([' ', '\t', '\n', '\\']);
        let before = before.strip_suffix("|&").or_else(|| before.strip_suffix('|'));
        before.is_some_and(|before| !before.ends_with('|'))
    }
}

/// Parses a bash text; placeholders in it count as words.
pub fn parse(text: &str) -> Script {
    script(&prepare(text))
}

/// Neutralises placeholders and runs the grammar.
pub(super) fn prepare(text: &str) -> Parsed {
    let mut scanned = scan(text);
    let placeholders = placeholder::find(text, &scanned);
    let neutral = placeholder::neutralise(text, &placeholders);
    if !placeholders.is_empty() {
        scanned = scan(&neutral);
    }
    let tree = if scanned.complete { tree(&neutral) } else { None };
    Parsed { text: neutral, placeholders, scan: scanned, tree }
}

fn tree(text: &str) -> Option<Tree> {
    PARSER.with_borrow_mut(|slot| {
        let parser = slot.get_or_insert_with(|| {
            let mut parser = Parser::new();
            // Cannot fail: both crates are pinned to one grammar version, and every test runs it.
            let _ = parser.set_language(&tree_sitter_bash::LANGUAGE.into());
            parser
        });
        parser.reset();
        // Error recovery may be slow; a bounded number of operations a byte keeps the time linear
        // and, unlike a clock, gives the same result every time.
        let mut left = 1_000 + text.len() / 8;
        let mut budget = |_: &tree_sitter::ParseState| {
            left = left.saturating_sub(1);
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let bytes = text.as_bytes();
        parser.parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(ParseOptions::new().progress_callback(&mut budget)),
        )
    })
}

pub(super) fn script(parsed: &Parsed) -> Script {
    let mut walk = Walk {
        parsed,
        commands: Vec::new(),
        comments: Vec::new(),
        errors: Vec::new(),
        functions: Vec::new(),
    };
    let whole = trimmed(&parsed.text);
    let Some(tree) = &parsed.tree else {
        if whole.start == whole.end {
            return Script::default();
        }
        let statement = Statement { span: whole, commands: vec![unknown(whole)], background: false };
        return Script { statements: vec![statement], errors: vec![whole], ..Script::default() };
    };
    let root = tree.root_node();
    let mut statements: Vec<Statement> = Vec::new();
    let mut cursor = root.walk();
    for child in root.children(&mut cursor) {
        if child.is_extra() && child.kind() == "comment" {
            walk.comment(child);
        } else if child.is_named() || child.is_error() {
            walk.visit(child, Inside::Plain, 0);
            let commands = std::mem::take(&mut walk.commands);
            let span = without_blanks(&parsed.text, span(child));
            statements.push(Statement { span, commands, background: false });
        } else if child.kind() == "&"
            && let Some(last) = statements.last_mut()
        {
            last.background = true;
        }
    }
    if root.is_error() && walk.errors.is_empty() {
        walk.errors.push(whole);
    }
    let Walk { mut comments, mut errors, functions, .. } = walk;
    keep_heredocs_whole(&mut statements, parsed);
    hidden_commands(&mut statements, parsed);
    for statement in &statements {
        let (quoting, hole) = parsed.scan.at(statement.span.start);
        // The two readings of the text disagree about where a statement begins.
        if matches!(quoting, Quoting::Comment | Quoting::Heredoc | Quoting::HeredocLiteral)
            || hole.is_some() && !parsed.text[statement.span.start..].starts_with(['(', '`', '$'])
        {
            errors.push(statement.span);
        }
    }
    if !errors.is_empty() {
        let commands = statements.into_iter().flat_map(|statement| statement.commands).collect();
        statements = vec![Statement { span: whole, commands, background: false }];
    }
    for comment in &mut comments {
        comment.boundary &= errors.is_empty()
            && statements
                .get(statements.partition_point(|statement| statement.span.end <= comment.span.start))
                .is_none_or(|statement| statement.span.start >= comment.span.start);
    }
    errors.sort_unstable();
    let variables = variables::find(parsed, root);
    Script { statements, comments, errors, variables, functions }
}

pub(super) fn span(node: Node<'_>) -> Span {
    Span::from(node.byte_range())
}

fn trimmed(text: &str) -> Span {
    without_blanks(text, Span::new(0, text.len()))
}

/// The span without white space at its ends.
fn without_blanks(text: &str, span: Span) -> Span {
    let inner = &text[span.range()];
    let start = span.start + (inner.len() - inner.trim_start().len());
    Span::new(start, start + inner.trim().len())
}

/// A command nothing is known of: it counts as changing.
fn unknown(span: Span) -> Command {
    Command {
        span,
        words: vec![Word { span, literal: None, shape: UNKNOWN.to_string() }],
        assignments: Vec::new(),
        writes: Vec::new(),
        reads: Vec::new(),
        fed: false,
        inside: Inside::Substitution,
    }
}

/// Merges statements that share a heredoc's lines: they cannot be handed over one at a time.
fn keep_heredocs_whole(statements: &mut Vec<Statement>, parsed: &Parsed) {
    for heredoc in &parsed.scan.heredocs {
        let first = statements.partition_point(|statement| statement.span.end <= heredoc.opener);
        let beyond = statements.partition_point(|statement| statement.span.start < heredoc.end);
        if first >= beyond {
            continue;
        }
        let mut rest = statements.drain(first + 1..beyond).collect::<Vec<_>>();
        let statement = &mut statements[first];
        for other in &mut rest {
            statement.commands.append(&mut other.commands);
            statement.background = other.background;
            statement.span.end = statement.span.end.max(other.span.end);
        }
        statement.span.end = statement.span.end.max(heredoc.end);
    }
}

/// The grammar misses some backticks in heredocs; each body that has one gets an unknown command.
fn hidden_commands(statements: &mut [Statement], parsed: &Parsed) {
    for heredoc in parsed.scan.heredocs.iter().filter(|heredoc| !heredoc.literal) {
        if parsed.text[heredoc.body.range()].contains('`') {
            let index = statements.partition_point(|statement| statement.span.end <= heredoc.opener);
            if let Some(statement) = statements.get_mut(index) {
                statement.commands.push(unknown(heredoc.body));
            }
        }
    }
}

struct Walk<'p> {
    parsed: &'p Parsed,
    commands: Vec<Command>,
    comments: Vec<Comment>,
    errors: Vec<Span>,
    functions: Vec<String>,
}

impl Walk<'_> {
    fn comment(&mut self, node: Node<'_>) {
        let span = span(node);
        let text = &self.parsed.text;
        let line_start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let alone = text[line_start..span.start].trim().is_empty();
        // A line that continues with a backslash cannot be split, whatever the comment says.
        let continued = text[..line_start].ends_with("\\\n");
        let top_level = node.parent().is_some_and(|parent| parent.kind() == "program");
        self.comments.push(Comment {
            span,
            text: text[span.range()].trim_start_matches('#').trim().to_owned(),
            boundary: alone && top_level && !continued,
        });
    }

    fn visit(&mut self, node: Node<'_>, inside: Inside, depth: usize) {
        if depth > MAX_DEPTH {
            self.errors.push(span(node));
            self.commands.push(unknown(span(node)));
            return;
        }
        if node.is_error() || node.is_missing() {
            self.errors.push(span(node));
        }
        let nested = match node.kind() {
            "comment" => return self.comment(node),
            "command" | "declaration_command" | "unset_command" | "test_command" => {
                let command = self.command(node, inside);
                self.commands.push(command);
                inside
            }
            "variable_assignment" | "variable_assignments" => {
                let stands_alone = !node.parent().is_some_and(|parent| {
                    matches!(parent.kind(), "command" | "declaration_command" | "variable_assignments")
                });
                if stands_alone {
                    let command = self.command(node, inside);
                    self.commands.push(command);
                }
                inside
            }
            "redirected_statement" => return self.redirected(node, inside, depth),
            "command_substitution" | "process_substitution" => later(inside, Inside::Substitution),
            "function_definition" => {
                let name = node.child_by_field_name("name");
                self.functions.extend(name.map(|name| self.parsed.text[name.byte_range()].to_owned()));
                Inside::Function
            }
            "if_statement"
            | "while_statement"
            | "for_statement"
            | "c_style_for_statement"
            | "case_statement" => later(inside, Inside::Control),
            _ => inside,
        };
        self.children(node, nested, depth);
    }

    fn children(&mut self, node: Node<'_>, inside: Inside, depth: usize) {
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            if child.child_count() > 0 || child.is_error() || child.is_missing() || child.kind() == "comment"
            {
                self.visit(child, inside, depth + 1);
            }
        }
    }

    /// A statement with redirections: they belong to its last command.
    fn redirected(&mut self, node: Node<'_>, inside: Inside, depth: usize) {
        let mut writes = Vec::new();
        let mut reads = Vec::new();
        let from = self.commands.len();
        let mut cursor = node.walk();
        let mut body_end = None;
        let mut heredoc = false;
        for child in node.children(&mut cursor) {
            match child.kind() {
                "file_redirect" => self.redirect(child, &mut writes, &mut reads),
                "herestring_redirect" => heredoc = true,
                "heredoc_redirect" => {
                    heredoc = true;
                    let mut inner = child.walk();
                    for part in child.children(&mut inner) {
                        if part.kind() == "file_redirect" {
                            self.redirect(part, &mut writes, &mut reads);
                        }
                    }
                }
                _ => {}
            }
            self.visit(child, inside, depth + 1);
            if !child.kind().ends_with("_redirect") {
                body_end = Some(self.commands.len());
            }
        }
        let index = body_end.unwrap_or(from);
        if heredoc || !reads.is_empty() {
            self.commands[from..index].iter_mut().for_each(|command| command.fed = true);
        }
        let owner = self.commands[from..index].iter_mut().rev().find(|command| command.inside == inside);
        if let Some(command) = owner {
            command.writes.append(&mut writes);
            command.reads.append(&mut reads);
        } else {
            let span = span(node);
            let (words, assignments) = (Vec::new(), Vec::new());
            self.commands.push(Command { span, words, assignments, writes, reads, fed: false, inside });
        }
    }

    fn redirect(&self, node: Node<'_>, writes: &mut Vec<Word>, reads: &mut Vec<Word>) {
        let mut operator = "";
        let mut destination = None;
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "file_descriptor" => {}
                kind if !child.is_named() => operator = kind,
                _ => destination = Some(self.word(child)),
            }
        }
        let Some(word) = destination else { return };
        let digits = |text: &str| text.trim_end_matches('-').bytes().all(|byte| byte.is_ascii_digit());
        let is_descriptor = operator.ends_with('&') && word.literal.as_deref().is_some_and(digits);
        let is_device = word
            .literal
            .as_deref()
            .is_some_and(|file| matches!(file, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty"));
        if is_descriptor {
            return;
        }
        match operator {
            "<" | "<&" => reads.push(word),
            _ if is_device => {}
            _ => writes.push(word),
        }
    }

    fn command(&self, node: Node<'_>, inside: Inside) -> Command {
        let mut command = Command {
            span: span(node),
            words: Vec::new(),
            assignments: Vec::new(),
            writes: Vec::new(),
            reads: Vec::new(),
            fed: self.parsed.is_piped(node.start_byte()),
            inside,
        };
        if node.kind() == "variable_assignment" {
            command.assignments.push(self.assignment(node));
            return command;
        }
        let mut first_redirect = None;
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "variable_assignment" => {
                    command.assignments.push(self.assignment(child));
                    if !matches!(node.kind(), "command" | "variable_assignments") {
                        command.words.push(self.word(child));
                    }
                }
                "file_redirect" => {
                    self.redirect(child, &mut command.writes, &mut command.reads);
                    first_redirect.get_or_insert(child.start_byte());
                }
                "herestring_redirect" | "heredoc_redirect" => {
                    command.fed = true;
                    first_redirect.get_or_insert(child.start_byte());
                }
                "comment" => {}
                _ => command.words.push(self.word(child)),
            }
        }
        command.fed |= !command.reads.is_empty();
        if let (Some(start), Some(last)) = (first_redirect, command.words.last())
            && last.span.end <= start
        {
            command.span.end = last.span.end;
        }
        command
    }

    fn assignment(&self, node: Node<'_>) -> Assignment {
        let name = node.child_by_field_name("name");
        let name = name.map_or("", |name| &self.parsed.text[name.byte_range()]);
        let value = node.child_by_field_name("value").map(|value| self.word(value));
        Assignment { span: span(node), name: name.to_owned(), value }
    }

    fn word(&self, node: Node<'_>) -> Word {
        let span = span(node);
        let text = &self.parsed.text;
        let places = self.parsed.placeholders_in(span);
        let literal = if places.is_empty() { literal::value(node, text, 0) } else { None };
        let shape = literal.clone().unwrap_or_else(|| {
            let places = places.iter().map(|place| place.span).collect::<Vec<_>>();
            literal::shape(node, text, &places)
        });
        Word { span, literal, shape }
    }
}

/// The more distant of two places: a function's body stays one, however deep inside.
fn later(outer: Inside, inner: Inside) -> Inside {
    match outer {
        Inside::Function => Inside::Function,
        Inside::Substitution => Inside::Substitution,
        Inside::Plain | Inside::Control => inner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Vec<String> {
        let script = parse(text);
        assert!(script.is_complete(), "{text}: {:?}", script.errors);
        script.statements.iter().map(|statement| text[statement.span.range()].to_owned()).collect()
    }

    /// `program arg` of every command, with `?` for words that have no literal value.
    fn commands(text: &str) -> Vec<String> {
        let words = |words: &[Word]| {
            words.iter().map(|word| word.literal.clone().unwrap_or("?".into())).collect::<Vec<_>>().join(" ")
        };
        parse(text).commands().map(|command| words(&command.words)).collect()
    }

    #[test]
    fn statements_are_what_the_shell_may_be_handed_one_at_a_time() {
        for (text, expected) in [
            ("a; b & c\nd |& e\n", vec!["a", "b", "c", "d |& e"]),
            ("a && b || c", vec!["a && b || c"]),
            ("if a; then b\nfi\nc", vec!["if a; then b\nfi", "c"]),
            ("f() { a; }\nf", vec!["f() { a; }", "f"]),
            ("cat <<E\nx\nE\nb", vec!["cat <<E\nx\nE", "b"]),
            ("cat <<E | grep x\nx\nE\nb", vec!["cat <<E | grep x\nx\nE", "b"]),
            ("cat > f <<'E' && echo done\nx $y\nE\nb", vec!["cat > f <<'E' && echo done\nx $y\nE", "b"]),
            ("curl -X POST \\\n  http://x\nb", vec!["curl -X POST \\\n  http://x", "b"]),
            ("kubectl logs <pod> -n <ns>\nls", vec!["kubectl logs <pod> -n <ns>", "ls"]),
            ("", vec![]),
            ("# only\n", vec![]),
        ] {
            assert_eq!(statements(text), expected, "{text}");
        }
        assert!(parse("a; b &").statements[1].background);
        assert!(!parse("a; b &").statements[0].background);
    }

    #[test]
    fn a_text_that_does_not_parse_is_one_statement_with_its_errors() {
        for text in ["a\necho 'x", "if a\nb", "cat <<E; echo b\na\nE\nc", "a\n)b", "a\nfor\n", "$("] {
            let script = parse(text);
            assert!(!script.is_complete(), "{text}");
            assert_eq!(script.statements.len(), 1, "{text}");
        }
    }

    #[test]
    fn words_are_taken_without_their_quotes() {
        for (text, expected) in [
            ("echo 'a b' \"c d\" e\\ f a'b'\"c\"", vec!["echo a b c d e f abc"]),
            ("echo $X \"$X\" *.log ~/x <pod> a{b,c}", vec!["echo ? ? ? ? ? ?"]),
            ("curl -o jsonpath={.x} http://h:1/p", vec!["curl -o jsonpath={.x} http://h:1/p"]),
            ("echo $'a\\tb' $'\\x41'", vec!["echo a\tb ?"]),
            ("[ -f x ] && ls", vec!["[ ? ]", "ls"]),
            ("export A=1 B", vec!["export ? B"]),
            ("echo \"$(rm x)\" `ls`", vec!["echo ? ?", "rm x", "ls"]),
            ("cat <<E\n$X `rm x`\nE", vec!["cat", "?"]),
        ] {
            assert_eq!(commands(text), expected, "{text}");
        }
    }

    #[test]
    fn commands_know_where_they_stand() {
        use Inside::*;
        for (text, expected) in [
            ("a | b && c", vec![Plain, Plain, Plain]),
            ("if a; then b; fi", vec![Control, Control]),
            ("for i in $(a); do b; done", vec![Substitution, Control]),
            ("f() { if a; then b $(c); fi; }", vec![Function, Function, Function]),
            ("a <(b)", vec![Plain, Substitution]),
            ("( a; b )", vec![Plain, Plain]),
        ] {
            let found = parse(text).commands().map(|command| command.inside).collect::<Vec<_>>();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn words_are_known_as_far_as_they_can_be() {
        let text = "psql -c \"SELECT * FROM $T\" --n=<n> -d'a\\b'\"$(x \"y\")\"c\\ d *.log `ls`e $'q' ~/x ${A:-\"b\"}";
        let shapes = parse(text).commands().next().expect("a command").words.clone();
        let shapes = shapes.iter().map(|word| word.shape.replace(UNKNOWN, "…")).collect::<Vec<_>>();
        let expected =
            ["psql", "-c", "SELECT * FROM …", "--n=…", "-da\\b…c d", "*.log", "…e", "q", "~/x", "…"];
        assert_eq!(shapes, expected);
    }

    #[test]
    fn commands_know_whether_something_is_fed_to_them() {
        let fed = |text: &str| parse(text).commands().map(|command| command.fed).collect::<Vec<_>>();
        for (text, expected) in [
            ("a | b |& c || d && e", vec![false, true, true, false, false]),
            ("psql < f; psql", vec![true, false]),
            ("psql <<E\nx\nE\npsql", vec![true, false]),
            ("psql <<< 'x' > f", vec![true]),
            ("while read x; do a; done < f", vec![true, true, false]),
            ("a |\n  b", vec![false, true]),
        ] {
            assert_eq!(fed(text), expected, "{text}");
        }
        assert_eq!(parse("f() { a; }\nfunction g { b; }").functions, ["f", "g"]);
    }

    #[test]
    fn redirections_and_assignments_belong_to_their_command() {
        let text = "A=1 B=\"x y\" cmd a <in >out 2>/dev/null 2>&1 >>\"log\"";
        let script = parse(text);
        let command = script.commands().next().expect("a command");
        let names = |words: &[Word]| words.iter().map(|w| w.literal.clone().unwrap()).collect::<Vec<_>>();
        assert_eq!(names(&command.writes), ["out", "log"]);
        assert_eq!(names(&command.reads), ["in"]);
        assert_eq!(command.assignments[1].name, "B");
        assert_eq!(command.assignments[1].value.as_ref().unwrap().literal.as_deref(), Some("x y"));
        assert_eq!(command.program(), Some("cmd"));
        let script = parse("a | b > f");
        assert!(script.commands().next().unwrap().writes.is_empty());
        assert_eq!(script.commands().nth(1).unwrap().writes.len(), 1);
        assert_eq!(parse("> f").commands().next().unwrap().writes.len(), 1);
        assert_eq!(parse("cat <<E > f\nx\nE").commands().next().unwrap().writes.len(), 1);
    }

    #[test]
    fn comments_know_whether_a_script_may_be_split_there() {
        let text = "# 1. one\na # behind\nif b; then\n# inside\nc\nfi\nd \\\n# 2. not here\n# 3. here\ne";
        let found = parse(text).comments.iter().map(|c| (c.text.clone(), c.boundary)).collect::<Vec<_>>();
        let expected = [
            ("1. one", true),
            ("behind", false),
            ("inside", false),
            ("2. not here", false),
            ("3. here", true),
        ];
        assert_eq!(found, expected.map(|(text, boundary)| (text.to_owned(), boundary)));
    }

    #[test]
    fn variables_are_set_or_used() {
        let names = |list: &[(String, Span)]| {
            list.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
        };
        for (text, set, used) in [
            ("echo $A ${B} \"$C\" ${D:-x} ${E:+x} ${F:?m} $1 $? $HOME", "", "A B C F"),
            ("A=1; echo $A; B=$B/x", "A B", "B"),
            ("export X=1; local Y; declare -r Z=2", "X Y Z", ""),
            ("read -r -p ask A B; for i in $L; do echo $i; done", "A B i", "L"),
            ("while getopts ab o; do echo $o; done", "o", ""),
            (": ${A:=1}; echo $A", "A", ""),
            ("f() { echo $A; }; A=1; f", "A", ""),
            ("cat <<E\n$A\nE\ncat <<'E'\n$B\nE", "", "A"),
            ("awk '{print $X}' f; echo '$Y'", "", ""),
            ("arr=(a $B); echo ${#arr[@]} ${arr[0]}", "arr", "B"),
            ("((i = 0)); mapfile -t L; printf -v P %s x", "i L P", ""),
            ("echo $BASH_VERSION $LC_ALL $RANDOM", "", ""),
        ] {
            let variables = parse(text).variables;
            assert_eq!((names(&variables.set), names(&variables.used)), (set.into(), used.into()), "{text}");
        }
        assert_eq!(parse("echo $A; . x.env; echo $B").variables.anything_from, Some(9));
    }

    #[test]
    fn hostile_texts_end_soon_and_never_panic() {
        let nested =
            ["$(", "((", "{ ", "if a; then ", "\"${a:-", "`", "case x in a) ", "[[ ", "a | ", "<<E "];
        for open in nested {
            let _ = parse(&open.repeat(20_000));
        }
        let deep = format!("{}a{}", "( ".repeat(5_000), " )".repeat(5_000));
        assert!(!parse(&deep).is_complete());
        let big = "curl http://localhost:8000/engines/{engine_id} | jq .x\n".repeat(10_000);
        assert_eq!(parse(&big).statements.len(), 10_000);
        for joint in [" && a", " |\n a", " ; a", " 'x'", " $(a)"] {
            let _ = parse(&format!("a{}", joint.repeat(5_000)));
        }
    }
}
