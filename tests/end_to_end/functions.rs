//! The examples in the declarations of functions, asked of the program.

use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn examples_hold() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for function in translate::function_docs() {
        for (expression, value) in function.examples {
            let from = if function.aggregate { "from unnest([3, 1, null, 1]) as x" } else { "" };
            let sql = format!("select cast({expression} as string) as v {from}");
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
