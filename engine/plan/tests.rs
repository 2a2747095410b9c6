//! Texts → plans: what is bound, resolved, limited and refused.

use super::*;
use crate::document;
use crate::runbook::{self, Role};
use crate::source::Source;
use std::collections::BTreeMap;
use std::time::Duration;

/// Plans the only procedure of `text` with `--param` values, decisions and steps assumed done.
fn planned(
    text: &str,
    params: &[(&str, &str)],
    decide: &[(&str, &str)],
    done: &[&str],
) -> Result<Plan, Vec<String>> {
    let source = Source::new("doc.md", text.as_bytes().to_vec()).expect("is text");
    let (document, _) = document::read(&source);
    let (runbook, diagnostics) = runbook::lower(&document);
    assert_eq!(diagnostics.iter().map(|it| &it.message).collect::<Vec<_>>(), Vec::<&String>::new());
    let pairs =
        |given: &[(&str, &str)]| given.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let environment =
        |name: &str| (name == "HOST_NAME" || name == "RUNBOOK_PARAM_REGION").then(|| "env".to_owned());
    let arguments = Arguments {
        values: Values {
            flags: BTreeMap::new(),
            params: pairs(params),
            file: vec![("region".into(), "file".into())]
                .into_iter()
                .filter(|_| text.contains("region-from-file"))
                .collect(),
            asked: BTreeMap::new(),
            environment: &environment,
        },
        decisions: pairs(decide),
        assume_done: done.iter().map(|name| (*name).to_owned()).collect(),
        workdir: "/srv".into(),
        terminal: false,
        verify_timeout: None,
    };
    build(&runbook, &runbook.procedures[0], &arguments).map_err(|problems| {
        let text = |problem: &Problem| match problem {
            Problem::Document(diagnostic) => {
                diagnostic.render(&source).lines().next().unwrap_or_default().to_owned()
            }
            Problem::Argument(error) => {
                format!("{} / {}", error.message, error.hint.clone().unwrap_or_default())
            }
        };
        problems.iter().map(text).collect()
    })
}

fn fence(script: &str) -> String {
    format!("# Deploy\n\n```bash\n{script}\n```\n")
}

#[test]
fn values_are_put_in_place_and_statements_keep_their_lines() {
    let plan = planned(&fence("touch a\ntouch {name}\n# done\ntouch c"), &[("NAME", "x y")], &[], &[])
        .expect("fits");
    let work = plan.steps[0].shell().expect("runs a text");
    assert_eq!(work.script, "touch a\ntouch 'x y'\n# done\ntouch c");
    let statements: Vec<_> =
        work.statements.iter().map(|it| (it.text.as_str(), it.line, it.program.as_deref())).collect();
    assert_eq!(
        statements,
        [("touch a", 4, Some("touch")), ("touch 'x y'", 5, Some("touch")), ("touch c", 7, Some("touch"))]
    );
    assert_eq!((plan.parameters[0].origin.as_deref(), plan.parameters[0].line), (Some("--param"), 5));
    assert!(!work.open);
    let open = planned(&fence("touch {name}"), &[], &[], &[]).expect("may stay open");
    assert!(open.steps[0].shell().expect("runs a text").open);
    assert_eq!(open.open_parameters().count(), 1);
}

#[test]
fn the_first_source_that_has_a_value_wins() {
    for (text, params, value, origin) in [
        ("touch {region}", &[("region", "given")][..], "given", "--param"),
        ("touch {region} # region-from-file", &[], "file", "--params"),
        ("touch {region}", &[], "env", "environment"),
        ("touch \"$HOST_NAME\"", &[], "env", "environment"),
    ] {
        let plan = planned(&fence(text), params, &[], &[]).expect("fits");
        let bound = &plan.parameters[0];
        assert_eq!((bound.value.as_deref(), bound.origin.as_deref()), (Some(value), Some(origin)), "{text}");
    }
    let plan = planned(&fence("touch \"${HOST_NAME}\""), &[("host-name", "a b")], &[], &[]).expect("fits");
    assert_eq!(plan.parameters[0].variable.as_deref(), Some("HOST_NAME"));
}

#[test]
fn what_was_given_wrongly_is_said_all_at_once() {
    let text = "# Deploy\n\n1. Call\n2. Deploy:\n   ```bash\n   rm {name}\n   ```\n3. If the vendor agrees, go on:\n   ```bash\n   touch x\n   ```\n";
    let wrong =
        planned(text, &[("nmae", "x"), ("name", "-rf")], &[("3", "maybe"), ("2", "yes")], &["2", "9"]);
    assert_eq!(
        wrong.expect_err("is wrong"),
        [
            "`Deploy` has no parameter `nmae` / its parameters are: name",
            "`--decide 3=maybe`: the answer must be yes or no / type --decide 3=yes or --decide 3=no",
            "`--decide 2=yes`: `2` is no decision or choice / decisions and choices are: 3",
            "`--assume-done 2`: `2` is no manual step / manual steps are: 1",
            "`--assume-done 9`: `9` is no step / manual steps are: 1",
            "the value of `name` begins with `-`, which the command would read as an option (line 6) / \
             give a value that begins with another character",
        ]
    );
}

#[test]
fn the_same_mistake_of_a_line_is_said_once() {
    let wrong = planned(
        &fence("touch {name} {name}\ntouch {name}"),
        &[("name", "-n"), ("nmae", "x"), ("nmae", "y")],
        &[],
        &[],
    );
    let hint = "give a value that begins with another character";
    let dash = "the value of `name` begins with `-`, which the command would read as an option";
    assert_eq!(
        wrong.expect_err("is wrong"),
        [
            "`Deploy` has no parameter `nmae` / its parameters are: name".to_owned(),
            format!("{dash} (line 4) / {hint}"),
            format!("{dash} (line 5) / {hint}"),
        ]
    );
}

#[test]
fn a_value_in_a_variable_is_checked_where_a_later_step_uses_it() {
    let text = "# Deploy\n\n```bash\nTARGET={name}\n```\n\n```bash\nssh host rm $TARGET\n```\n";
    assert!(planned(text, &[("name", "web-1")], &[], &[]).is_ok());
    let wrong = planned(text, &[("name", "a; reboot")], &[], &[]).expect_err("is read again by ssh");
    assert!(wrong[0].contains("`name`") && wrong[0].contains("(line 8)"), "{wrong:?}");
}

#[test]
fn references_that_lead_nowhere_or_in_a_circle_are_the_documents_fault() {
    let step = |directive: &str| format!("<!-- runbook: {directive} -->\n```bash\ntouch x\n```\n");
    let doc = |directives: &[&str]| {
        format!("# Deploy\n\n{}", directives.iter().map(|it| step(it)).collect::<String>())
    };
    for (directives, message) in [
        (
            &["id=build", "id=deploy needs=biuld"][..],
            "error: step `deploy` needs `biuld`, which is not defined",
        ),
        (
            &["id=a needs=b", "id=b needs=a"],
            "error: steps wait for each other in a circle: `a` needs `b` needs `a`",
        ),
        (&["id=a when=failed(b)", "id=b"], "error: step `a` waits for `b`, which does not come before it"),
        (&["id=a when=passed(x)"], "error: step `a` waits for `x`, which is not defined"),
    ] {
        assert_eq!(
            planned(&doc(directives), &[], &[], &[]).expect_err("is wrong"),
            [message],
            "{directives:?}"
        );
    }
    let plan =
        planned(&doc(&["id=a", "id=b needs=a", "id=c when=passed(a)", "id=d when=failed(b)"]), &[], &[], &[]);
    let plan = plan.expect("fits");
    assert_eq!(plan.steps[1].needs, [StepId(0)]);
    assert_eq!(plan.steps[2].reach, PlanReach::AfterPass { of: StepId(0) });
    assert_eq!(plan.steps[3].reach, PlanReach::Fallback { of: StepId(1) });
}

#[test]
fn time_limits_and_options_follow_role_and_effect() {
    let text = "# Deploy\n\n1. Look:\n   ```bash\n   uptime\n   ```\n2. Deploy:\n   ```bash\n   touch x\n   ```\n3. Verify:\n   ```bash\n   test -e x\n   ```\n\
        4. Watch:\n   ```bash\n   tail -f log\n   ```\n5. Edit:\n   ```bash\n   vi config\n   ```\n";
    let plan = planned(text, &[], &[], &[]).expect("fits");
    let facts: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (step.role, step.timeout, step.shell().map(|work| work.options.len())))
        .collect();
    assert_eq!(
        facts,
        [
            (Role::Observe, OBSERVE_TIMEOUT, Some(0)),
            (Role::Act, ACT_TIMEOUT, Some(3)),
            (Role::Verify, OBSERVE_TIMEOUT, Some(3)),
            (Role::Observe, TIME_BOX, Some(0)),
            // An editor needs a terminal, and there is none.
            (Role::Manual, ACT_TIMEOUT, None),
        ]
    );
    assert!(matches!(&plan.steps[4].work, Work::Manual { text, assumed_done: false } if text == "vi config"));
    let text = "# Deploy\n\n<!-- runbook: timeout=3s retry=2 every=100ms options=\"errexit\" -->\n```bash\ntouch x\n```\n";
    let plan = planned(text, &[], &[], &[]).expect("fits");
    let step = &plan.steps[0];
    assert_eq!(
        (step.timeout, step.retry, step.every),
        (Duration::from_secs(3), 2, Duration::from_millis(100))
    );
    assert_eq!(step.shell().expect("runs a text").options, ["errexit"]);
}

#[test]
fn programs_are_missing_unless_something_before_may_have_put_them_there() {
    let text = |script: &str| format!("# Deploy\n\n```bash\n{script}\n```\n");
    for (script, names) in [
        ("nope; touch x; nope", vec!["nope"]),
        ("./scripts/a.sh", vec!["./scripts/a.sh"]),
        ("cd sub\n./scripts/a.sh; nope", vec!["nope"]),
        ("f() { nope; }; f; cd x; echo a", vec![]),
        ("apt-get install -y nope\nnope", vec!["apt-get"]),
        ("cp a ./b.sh; ./b.sh", vec!["cp"]),
        ("curl -o tool http://x/tool; chmod +x tool; ./tool", vec!["curl", "chmod"]),
        ("if x; then nope; fi", vec![]),
        ("source env.sh; nope", vec![]),
        ("PATH=$PATH:/opt/bin; nope", vec![]),
        ("$TOOL run; /opt/nope", vec!["/opt/nope"]),
    ] {
        let plan =
            planned(&text(script), &[("tool", "x")][..usize::from(script.contains("$TOOL"))], &[], &[])
                .expect("fits");
        let found: Vec<String> =
            missing(&plan, |name| matches!(name, "touch")).into_iter().map(|(_, it)| it.name).collect();
        assert_eq!(found, names, "{script}");
    }
}
