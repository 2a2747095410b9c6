//! Any bytes → Source → Document → Runbook → Plan: never a panic, and no span outside the file.
//!
//! Nothing on this way runs anything, so any document may be tried.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runbook::diagnostic::Diagnostic;
use runbook::document::{self, Block, Section};
use runbook::plan::{self, Arguments, Plan, Problem, Values, missing, refusals};
use runbook::report::style::Style;
use runbook::report::{listing, plan_graph, plan_json, plan_text, show};
use runbook::runbook::{self as lowered, Action, Procedure, Runbook};
use runbook::source::{Source, Span};
use std::collections::BTreeMap;

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::new("fuzz.md", bytes.to_vec()) else { return };
    let (document, diagnostics) = document::read(&source);
    check_diagnostics(&source, &diagnostics);
    check_blocks(&source, &document.preamble);
    document.sections.iter().for_each(|section| check_section(&source, section));
    let (runbook, diagnostics) = lowered::lower(&document);
    check_diagnostics(&source, &diagnostics);
    assert!(!listing::json(std::slice::from_ref(&runbook)).is_empty());
    for procedure in &runbook.procedures {
        check_procedure(&source, procedure);
        show::render(&mut Vec::new(), &runbook, procedure, Style::Plain).expect("writes to memory");
        for value in [None, Some("3"), Some("-x '$(id)`\"\n<a>{b}")] {
            check_plan(&source, &runbook, procedure, value);
        }
    }
});

fn check_procedure(source: &Source, procedure: &Procedure) {
    check_span(source, procedure.heading);
    for (index, step) in procedure.steps.iter().enumerate() {
        check_span(source, step.span);
        assert!((1..=source.line(source.text().len())).contains(&step.line), "{step:?}");
        assert!(!step.id.is_empty() && !step.slug.is_empty() && !step.label.contains('\n'), "{step:?}");
        let same = |other: &lowered::Step| other.id == step.id || other.slug == step.slug;
        assert!(!procedure.steps[..index].iter().any(same), "two steps of one name: {step:?}");
        if let Action::Command(block) = &step.action {
            assert_eq!(block.script.split('\n').count(), block.lines.len().max(1), "{block:?}");
        }
    }
    for parameter in &procedure.parameters {
        for place in &parameter.places {
            check_span(source, place.span);
            let Action::Command(block) = &procedure.steps[place.step].action else { panic!("{parameter:?}") };
            assert!(block.script.get(place.script_span.range()).is_some(), "{parameter:?}");
        }
    }
}

/// Plans with this value for every parameter, and renders what came of it.
fn check_plan(source: &Source, runbook: &Runbook, procedure: &Procedure, value: Option<&str>) {
    let named = procedure.parameters.iter().filter_map(|it| Some((it.name.clone(), value?.to_owned())));
    let arguments = Arguments {
        values: Values {
            flags: BTreeMap::new(),
            params: Vec::new(),
            file: named.collect(),
            asked: BTreeMap::new(),
            environment: &|_| None,
        },
        decisions: Vec::new(),
        assume_done: Vec::new(),
        workdir: "/".into(),
        terminal: value.is_some(),
        verify_timeout: None,
    };
    match plan::build(runbook, procedure, &arguments) {
        Ok(plan) => render(&plan),
        Err(problems) => {
            for problem in problems {
                match problem {
                    Problem::Document(diagnostic) => check_diagnostics(source, &[diagnostic]),
                    Problem::Argument(error) => assert!(!error.message.is_empty()),
                }
            }
        }
    }
}

fn render(plan: &Plan) {
    let missing = missing(plan, |_| false);
    let _ = refusals(plan, false);
    plan_text::render(&mut Vec::new(), plan, &missing, Style::Plain).expect("writes to memory");
    assert!(serde_json::from_str::<serde_json::Value>(&plan_json::render(plan, &missing)).is_ok());
    assert!(!plan_graph::mermaid(plan).is_empty() && !plan_graph::dot(plan).is_empty());
}

fn check_section(source: &Source, section: &Section) {
    check_span(source, section.span);
    check_blocks(source, &section.blocks);
    section.children.iter().for_each(|child| check_section(source, child));
}

fn check_blocks(source: &Source, blocks: &[Block]) {
    for block in blocks {
        check_span(source, block.span());
        match block {
            Block::List(list) => list.items.iter().for_each(|item| check_blocks(source, &item.blocks)),
            Block::Quote(quote) => check_blocks(source, &quote.blocks),
            Block::Fence(fence) => {
                for place in &fence.lines {
                    check_span(source, Span::new(place.offset, place.offset));
                    assert!((1..=source.line(source.text().len())).contains(&place.line));
                }
            }
            Block::Comment(comment) => {
                check_span(source, comment.span);
                assert!(source.text()[comment.offset..].starts_with(&comment.text), "{comment:?}");
            }
            Block::Paragraph(_) | Block::Table(_) | Block::Rule(_) => {}
        }
    }
}

/// A span must be sliceable: in order, inside the file, between characters.
fn check_span(source: &Source, span: Span) {
    assert!(source.text().get(span.range()).is_some(), "{span:?} of {} bytes", source.text().len());
}

fn check_diagnostics(source: &Source, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        check_span(source, diagnostic.span);
        assert!(!diagnostic.render(source).is_empty());
    }
}
