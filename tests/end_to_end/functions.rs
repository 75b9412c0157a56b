//! The examples in the declarations of functions, asked of the program.

use serde_json::Value;
use translate::FunctionKind;

#[tokio::test(flavor = "multi_thread")]
async fn examples_hold() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for function in translate::function_docs() {
        for (expression, value) in function.examples {
            let sql = match function.kind {
                FunctionKind::Scalar => format!("select cast({expression} as string) as v"),
                FunctionKind::Aggregate => format!(
                    "select cast({expression} as string) as v from unnest([3, 1, null, 1]) as x"
                ),
                FunctionKind::Window => format!(
                    "select string_agg(ifnull(cast(w as string), 'NULL'), ',' order by x, w) as v
                     from (select x, {expression} as w from unnest([3, 1, null, 1]) as x)"
                ),
            };
            let answer = program.ask(&sql, &[]).await;
            let expected = if *value == "NULL" { Value::Null } else { Value::from(*value) };
            count += 1;
            if answer["result"][0].get("v") != Some(&expected) {
                wrong.push(format!("{expression} = {value}, not {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 80, "{count}");
}
