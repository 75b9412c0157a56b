//! The functions that a query may call. What is not listed cannot be called: functions of the
//! server's own that read files, settings, other tables or the catalog, that run SQL, wait, or make
//! much of little (`repeat`, `lpad`, `format`).

use sqlparser::ast::{self, Spanned as _};

use crate::Diagnostic;

/// Functions of rows, and aggregate and window functions.
const FUNCTIONS: &str = "
    count sum avg min max bool_and bool_or every bit_and bit_or string_agg array_agg json_agg
    jsonb_agg json_object_agg jsonb_object_agg stddev stddev_pop stddev_samp variance var_pop
    var_samp corr covar_pop covar_samp regr_slope regr_intercept regr_r2 regr_count mode
    percentile_cont percentile_disc
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value
    nth_value
    coalesce nullif greatest least
    abs ceil ceiling floor round trunc sign sqrt cbrt exp ln log log10 power pow mod div degrees
    radians pi sin cos tan asin acos atan atan2 width_bucket gcd lcm
    lower upper initcap length char_length character_length octet_length bit_length substr substring
    left right btrim ltrim rtrim replace translate reverse split_part strpos starts_with concat
    concat_ws md5 sha256 ascii chr to_hex encode decode regexp_replace regexp_match regexp_count
    regexp_like regexp_substr regexp_instr regexp_split_to_array string_to_array array_to_string
    quote_literal
    now current_timestamp current_date current_time localtimestamp localtime transaction_timestamp
    statement_timestamp clock_timestamp date_trunc date_part date_bin age make_date make_time
    make_timestamp make_timestamptz make_interval to_timestamp to_date to_char to_number timezone
    justify_days justify_hours justify_interval isfinite
    json_typeof jsonb_typeof json_array_length jsonb_array_length json_extract_path
    json_extract_path_text jsonb_extract_path jsonb_extract_path_text json_build_object
    jsonb_build_object json_build_array jsonb_build_array to_json to_jsonb json_strip_nulls
    jsonb_strip_nulls jsonb_pretty jsonb_set jsonb_insert jsonb_path_exists jsonb_path_match
    jsonb_path_query_array jsonb_path_query_first
    array_length cardinality array_position array_positions array_append array_prepend array_cat
    array_remove array_replace array_upper array_lower array_ndims
";

/// Functions that give rows.
const ROWS: &str = "
    generate_series unnest jsonb_array_elements jsonb_array_elements_text json_array_elements
    json_array_elements_text jsonb_each jsonb_each_text json_each json_each_text jsonb_object_keys
    json_object_keys jsonb_path_query regexp_matches regexp_split_to_table string_to_table
";

/// Those that are called without parentheses.
const BARE: &str = "current_timestamp current_date current_time localtimestamp localtime";

/// Lets a call of a function pass, in FROM or elsewhere.
pub(super) fn any(name: &mut ast::ObjectName) -> Result<(), Diagnostic> {
    allowed(name, &[FUNCTIONS, ROWS])
}

/// Lets a function pass in FROM.
pub(super) fn rows(name: &mut ast::ObjectName) -> Result<(), Diagnostic> {
    allowed(name, &[ROWS])
}

/// Lets `current_timestamp` and its like pass.
pub(super) fn bare(name: &mut ast::ObjectName) -> Result<(), Diagnostic> {
    allowed(name, &[BARE])
}

/// Leaves the name as it is in the list, unquoted: some are part of the grammar.
fn allowed(name: &mut ast::ObjectName, lists: &[&'static str]) -> Result<(), Diagnostic> {
    let listed = match name.0.as_slice() {
        [ast::ObjectNamePart::Identifier(ident)] => {
            let called = super::folded(ident);
            lists
                .iter()
                .flat_map(|list| list.split_ascii_whitespace())
                .find(|known| *known == called)
        }
        _ => None,
    };
    let Some(listed) = listed else {
        let message = format!("Restricted function {name}");
        return Err(Diagnostic::refused(name.span().start.into(), message));
    };
    *name = ast::ObjectName(vec![ast::ObjectNamePart::Identifier(ast::Ident::new(listed))]);
    Ok(())
}
