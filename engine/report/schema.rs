//! Holds what the reports write against the schemas of the book, for tests only.
//!
//! Knows the keywords that those schemas use, and refuses others: a schema that says more than is checked
//! would only look like a promise. Keys that a schema does not list are wrong, too.

use serde_json::Value;

/// Everything in `text` that does not fit `schema`, each with its place.
pub(crate) fn misfits(schema: &str, text: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    let value: Value = serde_json::from_str(text).expect("the report is JSON");
    let mut misfits = Vec::new();
    check(&schema, &schema, &value, "$", &mut misfits);
    misfits
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, misfits: &mut Vec<String>) {
    let mut wrong = |what: String| misfits.push(format!("{at}: {what}"));
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "const" if rule != value => wrong(format!("{value} is not {rule}")),
            "enum" if !rule.as_array().expect("enum is a list").contains(value) => {
                wrong(format!("{value} is none of {rule}"));
            }
            "type" if !has_type(rule, value) => wrong(format!("{value} is not of type {rule}")),
            "minimum" if value.as_f64().is_some_and(|number| number < rule.as_f64().unwrap_or(0.0)) => {
                wrong(format!("{value} is below {rule}"));
            }
            "required" => {
                let missing =
                    |key: &&Value| value.is_object() && value.get(key.as_str().unwrap_or("")).is_none();
                for key in rule.as_array().expect("required is a list").iter().filter(missing) {
                    wrong(format!("{key} is missing"));
                }
            }
            "const"
            | "enum"
            | "type"
            | "minimum"
            | "$schema"
            | "title"
            | "description"
            | "examples"
            | "format"
            | "pattern"
            | "$defs"
            | "properties"
            | "items"
            | "additionalProperties"
            | "$ref" => {}
            other => wrong(format!("the schema's `{other}` is not checked")),
        }
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(name.trim_start_matches('#')).expect("the reference leads somewhere");
        check(root, target, value, at, misfits);
    }
    if let Some(items) = schema.get("items") {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            check(root, items, item, &format!("{at}[{index}]"), misfits);
        }
    }
    let properties = schema.get("properties");
    let others = schema.get("additionalProperties");
    // The fields of a tagged result are the event schema's.
    let open = properties.is_none() && others.is_none() || at.ends_with(".result");
    for (key, value) in value.as_object().into_iter().flatten() {
        match properties.and_then(|properties| properties.get(key)).or(others) {
            Some(schema) => check(root, schema, value, &format!("{at}.{key}"), misfits),
            None if open => {}
            None => misfits.push(format!("{at}: the schema does not know `{key}`")),
        }
    }
}

fn has_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match rule {
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        name => is(name.as_str().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misfit_is_named_with_its_place() {
        let schema = r##"{"type": "object", "required": ["a", "b"], "properties": {
            "a": {"type": "array", "items": {"$ref": "#/$defs/n"}}, "c": {"enum": ["x", null]}},
            "$defs": {"n": {"type": ["integer", "null"], "minimum": 1}}}"##;
        assert_eq!(
            misfits(schema, r#"{"a": [1, null, 0, "x"], "c": "y", "d": 1}"#),
            [
                r#"$: "b" is missing"#,
                "$.a[2]: 0 is below 1",
                r#"$.a[3]: "x" is not of type ["integer","null"]"#,
                r#"$.c: "y" is none of ["x",null]"#,
                "$: the schema does not know `d`",
            ]
        );
        assert_eq!(misfits(r#"{"oneOf": []}"#, "1"), ["$: the schema's `oneOf` is not checked"]);
    }
}
