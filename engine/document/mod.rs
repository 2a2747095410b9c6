//! Source → Document: generic blocks. The only module that knows pulldown-cmark; nothing here knows what a runbook is.
