//! Functions that Vector has and that are not there here, and what else is wrong with a program that
//! calls them.

use vrl::{
    compiler::{
        CompileConfig, Context, Function, FunctionExpression, Parameter, Resolved, TypeDef,
        TypeState,
        function::{ArgumentList, Compiled, Example, FunctionCompileContext},
        value::kind,
    },
    diagnostic::Diagnostic,
    value::{Kind, kind::Collection},
};

use super::UNDEFINED_FUNCTION;

/// Such a function, and what it makes: some need what only a running Vector has, or reach out of the
/// program, or would bring many crates along.
struct Missing(&'static str, u16);

const NOT_HERE: [Missing; 28] = [
    Missing("aggregate_vector_metrics", kind::ANY),
    Missing("crc", kind::BYTES),
    Missing("decrypt", kind::BYTES),
    Missing("decrypt_ip", kind::BYTES),
    Missing("dns_lookup", kind::OBJECT),
    Missing("encode_proto", kind::BYTES),
    Missing("encrypt", kind::BYTES),
    Missing("encrypt_ip", kind::BYTES),
    Missing("find_enrichment_table_records", kind::ARRAY),
    Missing("find_vector_metrics", kind::ARRAY),
    Missing("get_enrichment_table_record", kind::OBJECT),
    Missing("get_env_var", kind::BYTES),
    Missing("get_hostname", kind::BYTES),
    Missing("get_secret", kind::BYTES | kind::NULL),
    Missing("get_timezone_name", kind::BYTES),
    Missing("get_vector_metric", kind::ANY),
    Missing("http_request", kind::BYTES),
    Missing("parse_dnstap", kind::OBJECT),
    Missing("parse_etld", kind::OBJECT),
    Missing("parse_proto", kind::ANY),
    Missing("remove_secret", kind::NULL),
    Missing("reverse_dns", kind::BYTES),
    Missing("seahash", kind::INTEGER),
    Missing("set_secret", kind::NULL),
    Missing("set_semantic_meaning", kind::NULL),
    Missing("sha3", kind::BYTES),
    Missing("validate_json_schema", kind::BOOLEAN),
    Missing("xxhash", kind::INTEGER | kind::BYTES),
];

/// What these functions call their arguments, each for any of them: what Vector takes is not refused.
const ARGUMENTS: &[Parameter] = &[
    argument("value"),
    argument("key"),
    argument("algorithm"),
    argument("iv"),
    argument("variant"),
    argument("table"),
    argument("condition"),
    argument("select"),
    argument("case_sensitive"),
    argument("wildcard"),
    argument("secret"),
    argument("target"),
    argument("meaning"),
    argument("function"),
    argument("tags"),
    argument("name"),
    argument("plaintext"),
    argument("ciphertext"),
    argument("ip"),
    argument("mode"),
    argument("qtype"),
    argument("class"),
    argument("options"),
    argument("url"),
    argument("method"),
    argument("headers"),
    argument("body"),
    argument("http_proxy"),
    argument("https_proxy"),
    argument("redact_headers"),
    argument("plus_parts"),
    argument("psl"),
    argument("desc_file"),
    argument("message_type"),
    argument("allow_lossy_string_coercion"),
    argument("schema_definition"),
    argument("ignore_unknown_formats"),
    argument("lowercase_hostnames"),
];

const fn argument(keyword: &'static str) -> Parameter {
    Parameter::optional(keyword, kind::ANY, "")
}

/// Whether a function is one of these.
pub(super) fn is_not_here(name: &str) -> bool {
    NOT_HERE.iter().any(|missing| missing.0 == name)
}

/// The errors of a program that such functions are no reason for. Whether one of them can fail there is
/// taken from how the program calls it: as that makes fewer errors.
pub(super) fn other_errors(
    source: &str,
    state: &TypeState,
    config: impl Fn() -> CompileConfig,
) -> Vec<Diagnostic> {
    let errors = |may_fail: &[&str]| -> Vec<Diagnostic> {
        let mut functions = super::functions();
        let stand_in = |Missing(name, makes): &Missing| {
            let may_fail = may_fail.contains(name);
            Box::new(StandIn { name, makes: *makes, may_fail }) as Box<dyn Function>
        };
        functions.extend(NOT_HERE.iter().map(stand_in));
        match vrl::compiler::compile_with_state(source, &functions, state, config()) {
            Ok(_) => Vec::new(),
            Err(list) => list.into_iter().filter(Diagnostic::is_problem).collect(),
        }
    };
    let mut may_fail = Vec::new();
    let mut found = errors(&may_fail);
    let called = NOT_HERE.iter().map(|missing| missing.0).filter(|name| source.contains(name));
    for name in called {
        may_fail.push(name);
        let other = errors(&may_fail);
        if other.len() < found.len() {
            found = other;
        } else {
            may_fail.pop();
        }
    }
    found
}

/// What the compiler takes for one of these functions.
#[derive(Debug, Clone, Copy)]
struct StandIn {
    name: &'static str,
    makes: u16,
    may_fail: bool,
}

impl Function for StandIn {
    fn identifier(&self) -> &'static str {
        self.name
    }

    fn usage(&self) -> &'static str {
        ""
    }

    fn category(&self) -> &'static str {
        ""
    }

    fn return_kind(&self) -> u16 {
        self.makes
    }

    fn examples(&self) -> &'static [Example] {
        &[]
    }

    fn parameters(&self) -> &'static [Parameter] {
        ARGUMENTS
    }

    fn compile(&self, _: &TypeState, _: &mut FunctionCompileContext, _: ArgumentList) -> Compiled {
        Ok(self.as_expr())
    }
}

impl FunctionExpression for StandIn {
    fn resolve(&self, _: &mut Context<'_>) -> Resolved {
        Err("it is not there".into())
    }

    fn type_def(&self, _: &TypeState) -> TypeDef {
        let made = if self.makes == kind::ANY { Kind::any() } else { kinds(self.makes) };
        TypeDef::from(made).maybe_fallible(self.may_fail)
    }
}

fn kinds(bits: u16) -> Kind {
    let mut made = Kind::never();
    for (bit, kind) in [
        (kind::BYTES, Kind::bytes()),
        (kind::INTEGER, Kind::integer()),
        (kind::BOOLEAN, Kind::boolean()),
        (kind::OBJECT, Kind::object(Collection::any())),
        (kind::ARRAY, Kind::array(Collection::any())),
        (kind::NULL, Kind::null()),
    ] {
        if bits & bit == bit {
            made = made.union(kind);
        }
    }
    made
}

/// Whether an error is a call of one of these functions.
pub(super) fn missing_call<'s>(source: &'s str, error: &Diagnostic) -> Option<&'s str> {
    (error.code == UNDEFINED_FUNCTION)
        .then(|| super::called(source, error))
        .flatten()
        .filter(|name| is_not_here(name))
}
