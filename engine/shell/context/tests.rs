use super::*;
use crate::shell::placeholders;

fn of(text: &str) -> Vec<Context> {
    let places = placeholders(text).into_iter().map(|place| place.span).collect::<Vec<_>>();
    contexts(text, &places)
}

/// Everything about a context in one line.
fn brief(context: &Context) -> String {
    let mut out = format!("{:?}", context.quoting).to_lowercase();
    for (flag, name) in [
        (context.word_start, " start"),
        (context.url, " url"),
        (context.url_host, " host"),
        (context.one_line, " line"),
        (context.redirect, " redirect"),
        (context.before_redirect, " operator"),
        (context.heredoc_strips_tabs, " tabs"),
        (context.heredoc_nested, " nested"),
    ] {
        out.push_str(if flag { name } else { "" });
    }
    for (value, name) in [
        (&context.reparsed, "reparsed"),
        (&context.refused, "refused"),
        (&context.heredoc_delimiter, "delimiter"),
        (&context.assigned, "assigned"),
    ] {
        out.extend(value.as_ref().map(|value| format!(" {name}: {value}")));
    }
    out
}

#[track_caller]
fn all(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(of(text).iter().map(brief).collect::<Vec<_>>(), *expected, "{text}");
    }
}

#[test]
fn quoting_is_told_apart() {
    all(&[
        ("ls <va> x-<vb>", &["bare start", "bare"]),
        (
            "ls \"<va>\" \"x <vb>\" 'y <vc>' $'z<vd>' \"\"<ve>",
            &["double start", "double", "single", "ansic", "bare start"],
        ),
        ("ls <va><vb> ${X}<vc>", &["bare start", "bare start", "bare start"]),
        ("cat <<E\nx <va>\nE", &["heredoc delimiter: E"]),
        ("cat <<-'E'\n\tx <va>\n\tE", &["heredocliteral tabs delimiter: E"]),
        ("x=$(cat <<E\nx <va>\nE\n)", &["heredoc nested delimiter: E"]),
        ("ls # <va>\n# <vb>", &["comment", "comment"]),
        ("echo $(ls x<va> | grep \"<vb>\")", &["bare", "double start"]),
        ("echo \"$(ls x<va>)\"", &["bare"]),
        ("a | grep <vx> | b y<vz>", &["bare start", "bare"]),
        ("echo <va> >f", &["bare start"]),
        ("echo x > <file>", &["bare redirect"]),
        ("cat x<va><in", &["bare operator"]),
        ("sudo -u <user> ls <dir>", &["bare start", "bare start"]),
        ("for i in <va>; do ls $i; done", &["bare start assigned: i"]),
        ("case <va> in x) ls;; esac", &["bare"]),
        ("[ -f <va> ] && [[ \"<vb>\" == \"x<vc>\" ]]", &["bare start", "double start", "double"]),
        (
            "X=<va> Y='<vb>'; export Z=\"q<vc>\"",
            &["bare assigned: X", "single assigned: Y", "double assigned: Z"],
        ),
        ("A=(a <vb>)", &["bare assigned: A"]),
        ("grep x <<< <va>", &["bare"]),
    ]);
}

#[test]
fn urls_and_their_hosts_are_seen() {
    all(&[
        ("curl http://localhost:8000/engines/{id}/stop", &["bare url"]),
        ("curl \"http://<host>:80/x?a=<a1>&b=<b1>\"", &["double url host", "double url", "double url"]),
        ("curl <host>/x", &["bare start url host"]),
        ("curl localhost/<vx>", &["bare url"]),
        ("curl <url>", &["bare start"]),
        ("curl -o <file> h", &["bare start"]),
        ("echo see https://u:<password>@h/", &["bare url host"]),
        ("wget <scheme>://h/", &["bare start url host"]),
        ("cat <<E\nurl: http://<vh>/x\nE", &["heredoc url host delimiter: E"]),
        ("curl -H \"X: <vv>\" h", &["double line"]),
        ("curl -d <data> h", &["bare start"]),
        ("curl -d'<data>' h", &["single start"]),
        ("curl -F f=<data> h", &["bare start reparsed: a form"]),
        ("curl -d \"a=<vb>\" h", &["double start reparsed: a form"]),
        ("http POST h name=<vx>", &["bare start"]),
    ]);
}

#[test]
fn arguments_that_are_read_again_are_known() {
    for (text, expected) in [
        ("ssh <host> uptime", "ssh"),
        ("ssh -o ProxyCommand=\"nc <hop> 22\" h", "ssh"),
        ("GIT_SSH_COMMAND=\"ssh -i <key>\" git pull", "a shell"),
        ("ssh <user>@h uptime", "ssh"),
        ("ssh h \"ls x<dir>\"", "ssh"),
        ("ssh h ls x<dir>", "ssh"),
        ("sh -c 'ls x<dir>'", "a shell"),
        ("sudo bash -lc \"ls x<dir>\"", "a shell"),
        ("su - x -c 'ls x<dir>'", "a shell"),
        ("kubectl exec p -- sh -c \"ls x<dir>\"", "a shell"),
        ("find . -exec sh -c 'ls x<va>' \\;", "a shell"),
        ("docker exec db psql -c \"SELECT x<va>\"", "SQL"),
        ("eval \"ls x<va>\"", "eval"),
        ("watch \"ls x<va>\"", "watch"),
        ("watch ls x<va>", "watch"),
        ("psql -c \"SELECT * FROM a WHERE b='<vc>'\"", "SQL"),
        ("psql --command=\"SELECT x<va>\"", "SQL"),
        ("mysql -u root -e \"SHOW x<va>\"", "SQL"),
        ("mysql -N -e\"SHOW x<va>\"", "SQL"),
        ("sqlite3 f \"SELECT x<va>\"", "SQL"),
        ("curl -d '{\"a\":\"<vb>\"}' h", "JSON"),
        ("kubectl patch x -p \"{\\\"a\\\": <vb>}\"", "kubectl"),
        ("cat > f <<E\n{\"a\": \"x<vb>\"}\nE", "JSON"),
        ("awk -v x=<vv> 1 f", "awk"),
        ("awk \"/x<va>/\" f", "awk"),
        ("sed \"s/x/y<vb>/\" f", "sed"),
        ("jq \".x<va>\" f", "jq"),
        ("python3 -c \"print('x<va>')\"", "Python"),
        ("perl -pe 's/x<va>/b/' f", "Perl"),
        ("make deploy V=<vv>", "make"),
        ("printf \"x<va>\"", "printf"),
        ("echo -e \"x<va>\"", "echo -e"),
        ("bash <<E\nls x<va>\nE", "a shell"),
        ("ssh h <<'E'\nls x<va>\nE", "ssh"),
        ("cat <<E | kubectl apply -f -\na: x<va>\nE", "kubectl"),
        ("psql <<< \"SELECT x<va>\"", "SQL"),
        ("echo x<va> | xargs kill", "xargs"),
        ("echo \"DROP x<va>\" | psql", "SQL"),
        ("kubectl delete pod -l app=<va>", "kubectl"),
        ("aws ec2 describe-instances --filters Name=x,Values=<va>", "aws"),
        ("docker ps --filter name=<va>", "docker"),
        ("frobnicate sh -c \"x<va>\"", "a shell"),
    ] {
        let found = of(text);
        let last = found.last().expect("a place");
        assert_eq!(last.reparsed.as_deref(), Some(expected), "{text}: {}", brief(last));
    }
    for text in [
        "grep \"<va>\" f",
        "jq --arg x <va> . f",
        "kubectl logs <pod> -n <ns>",
        "sed -n 1p <file>",
        "python3 x.py <va>",
        "bash x.sh <va>",
        "psql -d <db> -f x",
        "echo \"<va>\" | grep x",
        "cat > f <<E\na: <vb>\nE",
        "git commit -m \"<vm>\"",
        "docker logs <vc>",
        "echo <va>",
        "sh -c 'ls \"$1\"' _ <dir>",
    ] {
        assert!(
            of(text).iter().all(|context| context.reparsed.is_none() && context.refused.is_none()),
            "{text}"
        );
    }
}

#[test]
fn places_that_cannot_be_made_safe_are_refused() {
    for (text, expected) in [
        ("<cmd> x", COMMAND),
        ("./scripts/<name>.sh", COMMAND),
        ("sudo <cmd>", COMMAND),
        ("a && <cmd>", COMMAND),
        ("timeout 5 <cmd>", COMMAND),
        ("coproc <cmd>", COMMAND),
        ("echo $((1 + <vn>))", ARITHMETIC),
        ("((x = <vn>))", ARITHMETIC),
        ("[[ <vn> -eq 1 ]]", ARITHMETIC),
        ("let x=<vn>", ARITHMETIC),
        ("declare -i x=<vn>", ARITHMETIC),
        ("echo $(ls # <note>\n)", "it stands in a comment inside a substitution"),
        ("echo `ls <vx>`", "it stands between backticks"),
        ("echo ${x:-<vy>}", "it stands inside `${…}`"),
        ("echo \"${x#<vy>}\"", "it stands inside `${…}`"),
        ("a[<vi>]=1", VARIABLE),
        ("read <vx>", VARIABLE),
        ("unset <vx>", VARIABLE),
        ("export <vx>", VARIABLE),
        ("printf -v <vx> y", VARIABLE),
        ("[[ -v <vx> ]]", VARIABLE),
        ("test -v <vx>", VARIABLE),
        ("case x in <vp>) ls;; esac", PATTERN),
        ("[[ $x =~ \"<vp>\" ]]", PATTERN),
        ("echo $X<vx>", VARIABLE),
        ("echo $<vx>", DOLLAR),
        ("echo \"$<vx>\"", DOLLAR),
        ("echo \"a\\<vx>\"", ESCAPE),
        ("cat <<E\n\\<vx>\nE", ESCAPE),
        ("echo $'\\x4<vx>'", ESCAPE),
        ("ls ~<user>/x", "a `~` stands before it"),
        ("cat << <vx>\nE", UNKNOWN),
        ("cat <<E\n$(ls <vx>)\nE", "it stands in a substitution inside a heredoc"),
        ("cat <<E\nfoo\\\n<vx>\nE", "the line before it ends in a backslash"),
        ("echo x >& <fd>", DESCRIPTOR),
        ("echo x > /dev/<vx>/h/80", DEVICE),
        ("PS4=<vx>", "bash itself evaluates that variable"),
        ("if ls <vx>", UNKNOWN),
        ("echo 'a <vx>", UNKNOWN),
        ("f <vx>() { ls; }", UNKNOWN),
        ("A=([<vi>]=x)", ARITHMETIC),
    ] {
        let found = of(text);
        let last = found.last().unwrap_or_else(|| panic!("no place in {text}"));
        assert_eq!(last.refused.as_deref(), Some(expected), "{text}: {}", brief(last));
    }
    // No placeholder: nothing is known of it.
    assert_eq!(contexts("ls abc", &[Span::new(3, 6)])[0].refused.as_deref(), Some(UNKNOWN));
}

#[test]
fn uses_of_a_variable_are_found() {
    let brief = |text: &str| {
        let uses = variable_uses(text, &["X"]);
        let flags = uses.iter().map(|one| {
            let mut out = text[one.span.range()].to_owned();
            for (flag, name) in [
                (one.splits, " splits"),
                (one.arithmetic, " arithmetic"),
                (one.free_form, " free"),
                (one.context.word_start, " start"),
                (one.context.url, " url"),
            ] {
                out.push_str(if flag { name } else { "" });
            }
            out.extend(one.context.reparsed.as_ref().map(|name| format!(" {name}")));
            out
        });
        flags.collect::<Vec<_>>().join(", ")
    };
    for (text, expected) in [
        ("ls $X", "$X splits start"),
        ("ls \"$X\"", "$X start"),
        ("ls a${X}", "${X} splits"),
        ("Y=$X", "$X"),
        ("curl \"http://h/$X\"", "$X url"),
        ("ssh h \"ls $X\"", "$X start ssh"),
        ("echo $((X + 1)) $((${X}))", "X arithmetic, ${X} arithmetic"),
        ("$X ls", "$X free"),
        ("[[ $X -gt 1 ]]", "$X arithmetic"),
        ("[[ \"$X\" == a ]]", "$X start"),
        ("[[ a =~ $X ]]", "$X free"),
        ("cat <<E\n$X `echo $X`\nE", "$X, $X"),
        ("echo '$X' $Y \\$X", ""),
        ("if $X", "$X splits free"),
        ("X=1; unset X; export X", ""),
        ("echo ${Y:-$X} ${Y}${X}", "$X splits free start, ${X} splits start"),
    ] {
        assert_eq!(brief(text), expected, "{text}");
    }
}

#[test]
fn many_places_take_no_longer_than_they_must() {
    let text = "curl http://localhost:8000/engines/{engine_id} -d \"<va> $X\" | jq .x\n".repeat(1_000);
    assert_eq!(of(&text).len(), 2_000);
    assert!(of(&text).iter().all(|context| context.refused.is_none()));
    assert_eq!(variable_uses(&text, &["X"]).len(), 1_000);
}
