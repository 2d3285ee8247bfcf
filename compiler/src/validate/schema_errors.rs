//! The one place that turns errors of the JSON Schema validator into our diagnostics.

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use orz_core::Value;
use orz_core::diag::{Code, Diagnostic, Diagnostics, Span, codes};
use orz_core::read::Node;

use crate::suggest;

/// The schema keyword in which a type states in words what its pattern demands, for messages.
pub(crate) const RULE: &str = "x-rule";

/// The schema keyword of a value in whose place a secret may be pasted: it is never shown.
const SECRET: &str = "x-secret";

/// A schema and its compiled form: errors look up in the first what the second does not carry.
#[derive(Debug)]
pub(crate) struct Checker {
    schema: Value,
    validator: Validator,
}

impl Checker {
    /// Compiles a schema that this package generated.
    pub(crate) fn new(schema: Value) -> Self {
        let validator = jsonschema::validator_for(&schema).expect("generated schemas are valid");
        Self { schema, validator }
    }

    /// Reports every schema error of a document that an operator writes.
    pub(crate) fn check(&self, root: &Node, problems: &mut Diagnostics) {
        check(self, root, None, problems);
    }

    /// Reports every schema error of a bundle's file. What belongs into the operator's file is named as such.
    pub(crate) fn check_bundle(&self, root: &Node, tenant: &str, problems: &mut Diagnostics) {
        check(self, root, Some(tenant), problems);
    }
}

/// What only the operator may say, and so is no field of a bundle.
const OPERATOR_FIELDS: &[&str] = &["plan", "org", "cluster", "suspended", "quota"];

fn check(checker: &Checker, root: &Node, tenant: Option<&str>, problems: &mut Diagnostics) {
    for error in checker.validator.iter_errors(&root.to_value()) {
        let place = Place {
            root,
            pointer: error.instance_path().as_str().to_owned(),
            schema: parent(&checker.schema, error.schema_path().as_str()),
            tenant,
        };
        place.report(error.kind(), error.instance(), problems);
    }
}

/// One failing place: where in the document, and the schema that it breaks.
struct Place<'a> {
    root: &'a Node,
    pointer: String,
    schema: Option<&'a Value>,
    tenant: Option<&'a str>,
}

impl Place<'_> {
    fn report(&self, kind: &Kind, found: &Value, problems: &mut Diagnostics) {
        let model =
            |code: &'static Code, message: String| Diagnostic::error(code, self.span(), message);
        let what = self.what();
        let diagnostic = match kind {
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                for key in unexpected {
                    problems.push(self.unknown_field(key));
                }
                return;
            }
            Kind::PropertyNames { error } => self.bad_key(error.instance()),
            Kind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                model(
                    &codes::model::MISSING_FIELD,
                    format!("{what} has no `{name}`"),
                )
                .label(format!("`{name}` is required here"))
                .help(format!("add `\"{name}\": …`"))
            }
            Kind::Type { kind } => {
                let expected = expected_type(kind);
                let mut diagnostic = model(
                    &codes::model::WRONG_TYPE,
                    format!("{what} must be {expected}, not {}", type_of(found)),
                )
                .label(format!("expected {expected}"));
                if found.is_null() {
                    diagnostic =
                        diagnostic.help("leave an optional field out instead of writing `null`");
                }
                diagnostic
            }
            Kind::Enum { options } => {
                let known: Vec<&str> = options
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let text = found.as_str().unwrap_or_default();
                let diagnostic = model(
                    &codes::model::INVALID_VALUE,
                    format!("{what} does not know {}", shown(found)),
                )
                .label("not one of the possible values");
                suggest::help(diagnostic, text, "value", &known)
            }
            Kind::Constant { expected_value } => model(
                &codes::model::INVALID_VALUE,
                format!("{what} must be {expected_value}, not {}", shown(found)),
            )
            .label("another value is expected"),
            Kind::Pattern { pattern } => {
                let rule = self.rule().unwrap_or_else(|| format!("match `{pattern}`"));
                model(
                    &codes::model::INVALID_VALUE,
                    format!("{} is not valid for {what}", shown(found)),
                )
                .label("not valid here")
                .help(format!("it must {rule}"))
            }
            Kind::Minimum { limit } => self.out_of_range(found, &format!("at least {limit}")),
            Kind::Maximum { limit } => self.out_of_range(found, &format!("at most {limit}")),
            Kind::ExclusiveMinimum { limit } => {
                self.out_of_range(found, &format!("more than {limit}"))
            }
            Kind::ExclusiveMaximum { limit } => {
                self.out_of_range(found, &format!("less than {limit}"))
            }
            Kind::MultipleOf { multiple_of } => {
                self.out_of_range(found, &format!("a multiple of {multiple_of}"))
            }
            Kind::MaxLength { limit } => self.too_long(&format!("at most {limit} characters")),
            Kind::MaxItems { limit } => self.too_long(&format!("at most {limit} entries")),
            Kind::MaxProperties { limit } => self.too_long(&format!("at most {limit} keys")),
            Kind::MinLength { limit } => self.too_short(&format!("at least {limit} characters")),
            Kind::MinItems { limit } => self.too_short(&format!("at least {limit} entries")),
            Kind::MinProperties { limit } => self.too_short(&format!("at least {limit} keys")),
            Kind::UniqueItems => model(
                &codes::model::INVALID_VALUE,
                format!("{what} names something twice"),
            )
            .label("entries must differ")
            .help("remove the repeated entry"),
            other => model(
                &codes::model::INVALID_VALUE,
                format!(
                    "{what} is not valid: it breaks the rule `{}`",
                    other.keyword()
                ),
            ),
        };
        let is_secret = self.schema.is_some_and(|s| s.get(SECRET).is_some());
        problems.push(if is_secret {
            diagnostic.mask()
        } else {
            diagnostic
        });
    }

    fn unknown_field(&self, key: &str) -> Diagnostic {
        let span = self
            .root
            .key_span_at(&format!("{}/{}", self.pointer, escape(key)))
            .unwrap_or_else(|| self.span());
        let shown = key.escape_debug();
        if let Some(tenant) = self.tenant
            && OPERATOR_FIELDS.contains(&key)
            && ["", "/tenant"].contains(&self.pointer.as_str())
        {
            return Diagnostic::error(
                &codes::model::OPERATOR_FIELD,
                span,
                format!("`{shown}` is the operator's word, not the tenant's"),
            )
            .label("not here")
            .help(format!(
                "ask the operator to set it in `platform/tenants/{tenant}.json`"
            ));
        }
        let known: Vec<&str> = self
            .schema
            .and_then(|schema| schema.get("properties")?.as_object())
            .map(|properties| {
                properties
                    .keys()
                    .map(String::as_str)
                    .filter(|k| *k != "$schema")
                    .collect()
            })
            .unwrap_or_default();
        let diagnostic = Diagnostic::error(
            &codes::model::UNKNOWN_FIELD,
            span,
            format!("{} has no field `{shown}`", self.what()),
        )
        .label("unknown field");
        suggest::help(diagnostic, key, "field", &known)
    }

    /// A key of a map that its schema refuses, such as the name of an environment variable.
    fn bad_key(&self, key: &Value) -> Diagnostic {
        let text = key.as_str().unwrap_or_default();
        let span = self
            .root
            .key_span_at(&format!("{}/{}", self.pointer, escape(text)))
            .unwrap_or_else(|| self.span());
        // The keyword that failed stands inside of `propertyNames`, so its schema is that of the names.
        let rule = self.rule();
        let diagnostic = Diagnostic::error(
            &codes::model::INVALID_VALUE,
            span,
            format!("{} is not valid as a key of {}", shown(key), self.what()),
        )
        .label("not valid here");
        match rule {
            Some(rule) => diagnostic.help(format!("it must {rule}")),
            None => diagnostic,
        }
    }

    fn out_of_range(&self, found: &Value, range: &str) -> Diagnostic {
        Diagnostic::error(
            &codes::model::OUT_OF_RANGE,
            self.span(),
            format!("{} must be {range}, not {}", self.what(), shown(found)),
        )
        .label(format!("expected {range}"))
    }

    fn too_long(&self, limit: &str) -> Diagnostic {
        Diagnostic::error(
            &codes::model::TOO_LONG,
            self.span(),
            format!("{} must have {limit}", self.what()),
        )
        .label(format!("expected {limit}"))
    }

    fn too_short(&self, limit: &str) -> Diagnostic {
        Diagnostic::error(
            &codes::model::TOO_SHORT,
            self.span(),
            format!("{} must have {limit}", self.what()),
        )
        .label(format!("expected {limit}"))
    }

    fn rule(&self) -> Option<String> {
        Some(self.schema?.get(RULE)?.as_str()?.to_owned())
    }

    fn span(&self) -> Span {
        self.root.nearest(&self.pointer)
    }

    /// The failing value in words: its field, or its place in a list.
    fn what(&self) -> String {
        match self.pointer.rsplit_once('/') {
            None => "the document".to_owned(),
            Some((before, index)) if index.bytes().all(|b| b.is_ascii_digit()) => {
                let list = before.rsplit('/').next().unwrap_or_default();
                format!(
                    "entry {} of `{}`",
                    index.parse::<usize>().map_or(0, |i| i + 1),
                    unescape(list)
                )
            }
            Some((_, key)) => format!("`{}`", unescape(key)),
        }
    }
}

/// The schema that holds the keyword at `path`.
fn parent<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    schema.pointer(path.rsplit_once('/')?.0)
}

fn expected_type(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => with_article(one.as_str()).to_owned(),
        TypeKind::Multiple(set) => set
            .iter()
            .map(|one| with_article(one.as_str()))
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

fn with_article(name: &str) -> &'static str {
    match name {
        "array" => "a list",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "object" => "an object",
        "string" => "a string",
        _ => "null",
    }
}

fn type_of(value: &Value) -> &'static str {
    with_article(match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    })
}

/// A value for a message: short, on one line, without control characters.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        Value::String(text) => text.escape_debug().to_string(),
        other => other.to_string(),
    };
    if text.chars().count() > LONGEST {
        format!("`{}…`", text.chars().take(LONGEST).collect::<String>())
    } else {
        format!("`{text}`")
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/")
        .replace("~0", "~")
        .escape_debug()
        .to_string()
}
