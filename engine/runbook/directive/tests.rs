//! Directives as they are written, good and bad.

use super::*;
use crate::source::Source;

fn read(text: &str) -> (Option<Directive>, Vec<String>) {
    let file = format!("x\n<!--{text}-->\n");
    let comment = Comment { text: text.into(), span: Span::new(2, file.len() - 1), offset: 6, line: 2 };
    let source = Source::new("x.md", file.into_bytes()).expect("is UTF-8");
    let mut diagnostics = Vec::new();
    let found = directive(&comment, &mut diagnostics);
    let shown = diagnostics.iter().map(|diagnostic| {
        let place = source.slice(diagnostic.span);
        format!("{} @ {place} / {}", diagnostic.message, diagnostic.hint.clone().unwrap_or_default())
    });
    (found, shown.collect())
}

fn step(text: &str) -> (StepDirective, Option<Matching>) {
    match read(text) {
        (Some(Directive::Step { mut step, expect }), errors) if errors.is_empty() => {
            step.span = None;
            (*step, expect)
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn every_setting_is_read() {
    let all = " runbook: id=restart timeout=30s retry=3 every=500ms needs=check,other when=failed(restart) \
               role=verify effect=reads optional=no always=yes shell=\"bash\" options=\"errexit nounset\" \
               exit=any ";
    let wanted = StepDirective {
        id: Some("restart".into()),
        timeout: Some(Duration::from_secs(30)),
        retry: Some(3),
        every: Some(Duration::from_millis(500)),
        needs: vec!["check".into(), "other".into()],
        when: Some(When::Failed("restart".into())),
        role: Some(Role::Verify),
        effect: Some(Effect::Reads),
        optional: Some(false),
        always: true,
        shell: Some("bash".into()),
        options: Some(vec!["errexit".into(), "nounset".into()]),
        exit: Some(ExitExpectation::Any),
        ..StepDirective::default()
    };
    assert_eq!(step(all), (wanted, None));
}

#[test]
fn short_forms_are_read() {
    for (text, wanted, expect) in [
        (
            "runbook: exit=3",
            StepDirective { exit: Some(ExitExpectation::Code(3)), ..Default::default() },
            None,
        ),
        ("runbook: expect=json", StepDirective::default(), Some(Matching::Json)),
        ("runbook: expect=contains", StepDirective::default(), Some(Matching::Contains)),
        ("runbook: expect=lines", StepDirective::default(), Some(Matching::Lines)),
        ("runbook:no-run", StepDirective { no_run: true, ..Default::default() }, None),
        ("runbook:\n  should-fail", StepDirective { should_fail: true, ..Default::default() }, None),
        ("runbook: options=none", StepDirective { options: Some(vec![]), ..Default::default() }, None),
        (
            "runbook: ignore=\"too slow\"",
            StepDirective { ignore: Some("too slow".into()), ..Default::default() },
            None,
        ),
        (
            "runbook: ignore reason='too slow'",
            StepDirective { ignore: Some("too slow".into()), ..Default::default() },
            None,
        ),
        (
            "runbook: ignore",
            StepDirective { ignore: Some("told so by the document".into()), ..Default::default() },
            None,
        ),
        (
            "runbook: timeout=1.5m",
            StepDirective { timeout: Some(Duration::from_secs(90)), ..Default::default() },
            None,
        ),
    ] {
        assert_eq!(step(text), (wanted, expect), "{text}");
    }
    assert_eq!(
        read("runbook: target probe=\"curl -f http://localhost/\"").0.map(|found| format!("{found:?}")),
        Some("Target { probe: \"curl -f http://localhost/\", span: Span { start: 2, end: 58 } }".into())
    );
    let test = |text: &str, wanted: TestDirective| {
        let span = Some(Span::new(2, text.len() + 9));
        assert_eq!(read(text).0, Some(Directive::Test(TestDirective { span, ..wanted })), "{text}");
    };
    let values = vec![("engine-id".into(), "3".into()), ("name".into(), "a b".into())];
    test("runbook: test engine-id=3 --name='a b'", TestDirective { values, ..TestDirective::default() });
    for (text, branch) in [
        ("fallback", Branch::Fallback),
        ("main", Branch::Main),
        ("kill-it", Branch::Step("kill-it".into())),
        ("3.1", Branch::Step("3.1".into())),
    ] {
        let wanted = TestDirective {
            fault: Some("api-down".into()),
            branch: Some(branch),
            ..TestDirective::default()
        };
        test(&format!("runbook: test fault=api-down branch={text}"), wanted);
    }
    let ignored = TestDirective { ignore: Some("costs money".into()), ..TestDirective::default() };
    test("runbook: test reason=\"costs money\" ignore", ignored);
    for text in [" an ordinary comment", "runbooks: x=1", "Runbook: see the wiki", "runbook notes"] {
        assert_eq!(read(text), (None, Vec::new()), "{text}");
    }
}

#[test]
fn mistakes_are_named_at_their_place() {
    for (text, wanted) in [
        (
            "runbook: timout=30s",
            "unknown key `timout` in a directive @ timout / a key named `timeout` exists",
        ),
        (
            "runbook: timeout=soon",
            "`soon` is no value for `timeout` @ soon / a time such as `500ms`, `30s`, `5m` or `1h`",
        ),
        (
            "runbook: timeout=0s",
            "`0s` is no value for `timeout` @ 0s / a time such as `500ms`, `30s`, `5m` or `1h`",
        ),
        (
            "runbook: timeout",
            "`timeout` needs a value @ timeout / a time such as `500ms`, `30s`, `5m` or `1h`",
        ),
        ("runbook: retry=-1", "`-1` is no value for `retry` @ -1 / a number up to 1000, such as `retry=3`"),
        (
            "runbook: role=check",
            "`check` is no value for `role` @ check / one of `observe`, `act`, `verify`, `manual`",
        ),
        (
            "runbook: effect=none",
            "`none` is no value for `effect` @ none / one of `reads`, `changes`, `destroys`",
        ),
        (
            "runbook: when=broken(x)",
            "`broken(x)` is no value for `when` @ broken(x) / `failed(STEP)`, `passed(STEP)` or `plain`",
        ),
        (
            "runbook: needs=a,,b",
            "`a,,b` is no value for `needs` @ a,,b / names of steps with commas between them, such as `needs=check,restart`",
        ),
        ("runbook: always=perhaps", "`perhaps` is no value for `always` @ perhaps / write `yes` or `no`"),
        ("runbook: shell=ruby", "`ruby` is no value for `shell` @ ruby / `bash` or `sh`"),
        (
            "runbook: options=fast",
            "`fast` is no value for `options` @ fast / `none`, or names such as \"errexit nounset pipefail\"",
        ),
        ("runbook: exit=256", "`256` is no value for `exit` @ 256 / `any`, or a status from 0 to 255"),
        (
            "runbook: id=a/b",
            "`a/b` is no value for `id` @ a/b / letters, digits, `-` and `_`, such as `id=restart`",
        ),
        (
            "runbook: expect=fuzzy",
            "`fuzzy` is no value for `expect` @ fuzzy / one of `lines`, `contains`, `json`",
        ),
        (
            "runbook: id=a id=b",
            "the key `id` stands here a second time @ id=b / keep one of them: which of them counts would be a guess",
        ),
        ("runbook: id=\"a", "this quote is never closed @ \"a / close it in the same comment"),
        (
            "runbook: reason=x",
            "`reason` says why a step is ignored, and this one is not @ reason=x / add `ignore`, or remove `reason`",
        ),
        (
            "runbook: target",
            "a target directive has one setting, `probe` @ <!--runbook: target--> / write `target probe=\"COMMAND\"`",
        ),
        ("runbook: test x", "`x` has no value @ x / write `test NAME=VALUE`"),
        (
            "runbook: test fault=a fault=b",
            "`fault` stands here a second time @ fault=b / keep one of them: which of them counts would be a guess",
        ),
        (
            "runbook: test branch=a/b",
            "`a/b` is no value for `branch` @ a/b / `fallback`, `main`, or the name of a step",
        ),
        (
            "runbook: test reason=x",
            "`reason` says why a procedure is ignored, and this one is not @ reason=x / add `ignore`, or remove `reason`",
        ),
        (
            "runbook: tset fault=gone engine-id=3",
            "unknown key `tset` in a directive @ tset / `test NAME=VALUE` exists",
        ),
        (
            "runbook: tagret probe=x",
            "unknown key `tagret` in a directive @ tagret / `target probe=\"COMMAND\"` exists",
        ),
        ("runbook: expect", "`expect` needs a value @ expect / one of `lines`, `contains`, `json`"),
        ("runbook timeout=3s", "a directive begins with `runbook:` @ runbook / put a colon behind `runbook`"),
    ] {
        assert_eq!(read(text).1, [wanted], "{text}");
    }
    let (_, errors) = read("runbook:");
    assert!(
        errors[0].starts_with("this directive says nothing @ <!--runbook:--> / known keys: `id`, "),
        "{errors:?}"
    );
}
