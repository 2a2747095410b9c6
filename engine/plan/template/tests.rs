use super::*;
use crate::shell::placeholders;

/// Fills the placeholders of `script` in order.
fn fill(script: &str, values: &[&str]) -> Result<Rendered, Vec<Refused>> {
    fill_with(script, values, false, false)
}

fn fill_with(script: &str, values: &[&str], secret: bool, free: bool) -> Result<Rendered, Vec<Refused>> {
    let places = placeholders(script);
    assert_eq!(places.len(), values.len(), "{script}");
    let insertions = places
        .iter()
        .zip(values)
        .map(|(place, value)| Insertion { span: place.span, value: Some(value), secret, free })
        .collect::<Vec<_>>();
    render(script, &insertions)
}

#[track_caller]
fn messages(script: &str, values: &[&str]) -> Vec<String> {
    match fill(script, values) {
        Ok(rendered) => panic!("{script} gave {}", rendered.script),
        Err(refused) => refused.iter().map(|refused| refused.message("x")).collect(),
    }
}

#[test]
fn values_are_quoted_for_their_place() {
    for (script, value, expected) in [
        ("curl http://h/engines/{engine_id}/stop", "3", "curl http://h/engines/3/stop"),
        ("ls <dir>", "a b", "ls 'a b'"),
        ("ls <dir>", "it's", r"ls 'it'\''s'"),
        ("ls x/<dir>/*.log", "$(id)", "ls x/'$(id)'/*.log"),
        ("ls \"<dir>\"", "a\"$b`c\\", r#"ls "a\"\$b\`c\\""#),
        ("ls '<dir>'", "it's $x", r"ls 'it'\''s $x'"),
        ("ls $'<dir>'", r"it's \n", r"ls $'it\'s \\n'"),
        ("cat <<E\n<text>\nE", "a $x\n`b` \\", "cat <<E\na \\$x\n\\`b\\` \\\\\nE"),
        ("cat <<'E'\n<text>\nE", "a $x\n`b` \\", "cat <<'E'\na $x\n`b` \\\nE"),
        ("ls # <note>", "a\nrm b", "ls # a rm b"),
        ("cat x<num><in", "2", "cat x'2'<in"),
        ("echo \"$(ls <dir>)\"", "a b", "echo \"$(ls 'a b')\""),
    ] {
        let rendered = fill(script, &[value]).unwrap_or_else(|refused| panic!("{script}: {refused:?}"));
        assert_eq!(rendered.script, expected, "{script}");
        assert_eq!(rendered.shown, expected, "{script}");
        assert!(!rendered.open);
    }
}

#[test]
fn the_script_around_the_places_is_kept_byte_for_byte() {
    let script =
        r##"docker ps --format '{{json .}}' \{{x}} {{{y}}} \\ {{!-- c --}} "&amp;" <name> {{#if a}} é"##;
    let place = placeholders(script).into_iter().find(|place| place.name == "name").expect("a place");
    let insertion = Insertion { span: place.span, value: Some("{{v}}&<"), secret: false, free: false };
    let rendered = render(script, &[insertion]).expect("is safe");
    assert_eq!(rendered.script, script.replace("<name>", "'{{v}}&<'"));
}

#[test]
fn what_has_no_value_stays_open() {
    let script = "ls <one> <two>";
    let places = placeholders(script);
    let insertion =
        |index: usize, value| Insertion { span: places[index].span, value, secret: false, free: false };
    let rendered = render(script, &[insertion(0, None), insertion(1, Some("b"))]).expect("is safe");
    assert_eq!(rendered.script, "ls <one> b");
    assert!(rendered.open);
    assert_eq!(render(script, &[]).map(|rendered| rendered.script), Ok(script.to_owned()));
}

#[test]
fn spans_of_the_original_are_found_again() {
    let script = "a <one>\nb <two>\nc";
    let rendered = fill(script, &["x\ny", "z"]).expect("is safe");
    assert_eq!(rendered.script, "a 'x\ny'\nb z\nc");
    let slice = |start, end| rendered.slice(Span::new(start, end));
    assert_eq!([slice(0, 7), slice(8, 15), slice(16, 17)], ["a 'x\ny'", "b z", "c"]);
    assert_eq!([slice(0, 4), slice(3, 7), slice(0, 17)], ["a 'x\ny'", "'x\ny'", rendered.script.as_str()]);
}

#[test]
fn secrets_are_masked_by_value_everywhere() {
    let script = "login <token> \"<token>\" '<token>' # s3'cret\ncat <<E\n<token>\nE";
    let rendered = fill_with(script, &["s3'cret"; 4], true, false).expect("is safe");
    assert_eq!(rendered.shown, "login ****** \"******\" ****** # ******\ncat <<E\n******\nE");
    assert!(rendered.script.contains("s3'cret"));
    assert_eq!(rendered.slice_shown(Span::new(0, 13)), "login ******");
    // Another parameter may hold it too.
    let script = "a <token> <other>";
    let places = placeholders(script);
    let insertions = [
        Insertion { span: places[0].span, value: Some("k$y"), secret: true, free: false },
        Insertion { span: places[1].span, value: Some("x k$y"), secret: false, free: false },
    ];
    assert_eq!(render(script, &insertions).expect("is safe").shown, "a ****** 'x ******'");
    let star = fill_with("a <token> *", &["*"], true, false).expect("is safe");
    assert_eq!(star.shown, "a ****** ******");
}

#[test]
fn unsafe_values_are_refused_with_a_reason_and_without_the_value() {
    for (script, value, expected) in [
        ("<cmd> y", "v9", "`x` cannot be filled in safely: it names the command that runs"),
        ("ls <dir>", "v9\0", "the value of `x` holds a NUL byte, which no command can receive"),
        (
            "ls <dir>",
            "v9\u{1}",
            "the value of `x` holds U+0001 or U+007F, which bash itself uses and may double or lose",
        ),
        ("ls <dir>", "-v9", "the value of `x` begins with `-`, which the command would read as an option"),
        (
            "ls \"<dir>\"",
            "-v9",
            "the value of `x` begins with `-`, which the command would read as an option",
        ),
        (
            "curl -d <dir> h",
            "@v9",
            "the value of `x` begins with `@`, which a command may read as a file's name",
        ),
        ("ls <dir>", "", "the value of `x` is empty, which would change what the rest of the command means"),
        (
            "curl http://h/<id>",
            "",
            "the value of `x` is empty, which would change what the rest of the command means",
        ),
        (
            "curl http://h/<id>",
            "v9/y",
            "the value of `x` stands in a URL and has characters that would change it",
        ),
        (
            "curl http://h/<id>",
            "..",
            "the value of `x` stands in a URL and has characters that would change it",
        ),
        (
            "curl http://<host>/",
            "v9@h",
            "the value of `x` stands in a URL's host and has an `@`, which would change the host",
        ),
        (
            "ssh h \"ls <dir>\"",
            "v9;",
            "the value of `x` is read again by ssh and has characters that would change its meaning",
        ),
        (
            "psql -c \"SELECT <id>\"",
            "v9--",
            "the value of `x` is read again by SQL and has characters that would change its meaning",
        ),
        (
            "curl -d '{\"a\":\"<v1>\"}' h",
            "v9\"",
            "the value of `x` is read again by JSON and has characters that would change its meaning",
        ),
        (
            "curl -H \"A: <v1>\" h",
            "v9\nB: c",
            "the value of `x` has a line break where only one line may stand",
        ),
        ("ls > <file>", "/dev/tcp/v9/1", "the value of `x` would make a redirection open a device"),
        ("cat <<E\n<text>\nE", "v9\nE\nrm", "the value of `x` has a line that would end the heredoc"),
        ("a $(cat <<E\n<text>\nE\n)", "E v9)", "the value of `x` has a line that would end the heredoc"),
        ("cat <<EOF\nE<text>\nEOF", "OF", "the value of `x` has a line that would end the heredoc"),
        (
            "cat <<-'E'\n\t<text>\n\tE",
            "v9\n\ty",
            "the value of `x` has a line that begins with a tab, which `<<-` would drop",
        ),
        (
            "X=<v1>; ls $X",
            "v9 y",
            "the value of `x` would be split into words, because the variable is used without quotes",
        ),
        (
            "X=<v1>; echo $((X + 1))",
            "v9[$(id)]",
            "the value of `x` is used in arithmetic and is no plain whole number",
        ),
        (
            "X=<v1>; [[ a =~ $X ]]",
            "v9(",
            "the value of `x` is used as more than plain data and has characters that would change its meaning",
        ),
    ] {
        let found = messages(script, &[value]);
        assert_eq!(found, [expected], "{script}");
        assert!(!found[0].contains("v9"), "{script}");
    }
}

#[test]
fn every_refusal_has_a_hint() {
    let place = Span::new(0, 1);
    for (why, hint) in [
        (Why::Place("y".into()), "put the placeholder into an argument of its own"),
        (
            Why::Url,
            "use only letters, digits and `. _ ~ : @ -`, or declare a pattern for the parameter in the document",
        ),
        (Why::Splits, "write the variable in double quotes in the document"),
        (Why::Arithmetic, "give a whole number without leading zeros"),
        (Why::Stray, "give a name that has no `.` or `..` between slashes"),
        (Why::Slashes, "give a name; slashes alone name nothing in a directory"),
        (Why::Dash, "give a value that begins with another character"),
        (Why::Delimiter, "choose another delimiter in the document"),
        (Why::Nul, "give another value"),
    ] {
        assert_eq!(Refused { span: place, why }.hint(), hint);
    }
}

#[test]
fn a_declared_pattern_lifts_the_rules_on_urls_and_languages_only() {
    assert!(fill_with("curl http://h/<path>", &["a/b"], false, true).is_ok());
    assert!(fill_with("ssh h \"ls <dir>\"", &["a/b c"], false, true).is_ok());
    assert!(fill_with("ls <dir>", &["-a"], false, true).is_err());
    assert!(fill_with("<cmd> a", &["b"], false, true).is_err());
    // Whether the pattern allows the empty text was asked before.
    assert_eq!(fill_with("ls <dir>", &[""], false, true).map(|it| it.script), Ok("ls ''".to_owned()));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    assert_eq!(messages("ls <one> <two>", &["-a", "@b"]).len(), 2);
    let span = placeholders("ls <one>")[0].span;
    let insertion = Insertion { span, value: Some("a"), secret: false, free: false };
    assert_eq!(render("ls <one>", &[insertion, insertion]).map_err(|refused| refused.len()), Err(1));
}

#[test]
fn variables_are_held_to_the_same_rules_where_they_are_used() {
    let why = |script: &str, value: &str, free| {
        check_variable(script, "ID", value, free).into_iter().map(|refused| refused.why).collect::<Vec<_>>()
    };
    for (script, value, expected) in [
        ("ls \"$ID\"", "a b", vec![]),
        ("ls $ID", "a", vec![]),
        ("ls $ID", "a b", vec![Why::Splits]),
        ("ls $ID", "*", vec![Why::Splits]),
        ("ls $ID", "", vec![Why::Empty]),
        ("ls \"dir/$ID\"", "", vec![Why::Empty]),
        ("echo $((ID))", "", vec![Why::Empty]),
        ("$ID ls", "", vec![Why::Empty]),
        ("ls \"$ID\"", "-a", vec![Why::Dash]),
        ("curl -d \"$ID\" h", "@a", vec![Why::At]),
        ("curl http://h/$ID", "a/b", vec![Why::Url]),
        ("curl \"http://$ID/\"", "a@b", vec![Why::UrlHost]),
        ("ssh h \"ls $ID\"", "a;b", vec![Why::Reparsed("ssh".into())]),
        ("echo $((ID))", "a", vec![Why::Arithmetic]),
        ("echo $((ID))", "-12", vec![]),
        ("echo $((ID))", "0", vec![]),
        ("echo $((ID))", "010", vec![Why::Arithmetic]),
        ("$ID ls", "sudo", vec![]),
        ("$ID ls", "a;b", vec![Why::FreeForm]),
        ("ls \"$ID\"", "a\0", vec![Why::Nul]),
        ("ls \"$OTHER\"", "-a", vec![]),
        ("cat <<E\n$ID\nE", "a\nE\nb", vec![]),
    ] {
        assert_eq!(why(script, value, false), expected, "{script} {value:?}");
    }
    assert_eq!(why("curl http://h/$ID", "a/b", true), vec![]);
}

#[test]
fn a_value_in_a_variable_is_followed_to_its_uses() {
    assert!(fill("N='<node>'; oc get node $N", &["worker-1"]).is_ok());
    assert!(fill("N='<node>'; oc get node \"$N\"", &["a b"]).is_ok());
    assert_eq!(
        fill("N=<node>; oc get $N", &["a b"]).map_err(|refused| refused[0].why.clone()),
        Err(Why::Splits)
    );
    let rendered = fill("export N=<node>", &["a b"]).expect("is safe");
    assert_eq!(rendered.assigned, [("N".to_owned(), 0)]);
}

#[test]
fn many_places_take_no_longer_than_they_must() {
    let script = "X=<v1>; curl http://h/engines/{engine_id} -d \"<v2> $X\"\n".repeat(700);
    let values = ["1", "2", "a b"].repeat(700);
    assert!(fill(&script, &values).is_ok());
}
