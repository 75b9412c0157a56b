//! The project's own cases, in the form of those that BigQuery's answers were recorded in.

use end_to_end::{
    conformance::{Verdict, Warehouse, cases, run},
    postgres::TestCluster,
};

const OWN: &str = include_str!("../fixtures/conformance/own.jsonl");

/// Answers of the reference evaluator of Google's dialect. Of a NULL it does not tell the type.
const GOOGLESQL: &str = include_str!("../fixtures/conformance/googlesql.jsonl");

/// Cases of it that get a wrong answer. One that does not any more is to be taken out.
const WRONG: &[&str] = &[
    // Of these, the published format elements and another build of the evaluator say what we say.
    "googlesql/format-timestamp_047_2",
    "googlesql/error_082",
    "googlesql/error_085",
];

/// Cases that do not pass yet. One that does is to be taken out.
const NOT_YET: &[&str] = &[];

#[tokio::test(flavor = "multi_thread")]
async fn own_cases_pass() {
    let mut warehouse = Warehouse::start(TestCluster::shared()).await;
    let (mut wrong, mut passed) = (Vec::new(), 0);
    for (number, case) in cases(OWN).expect("a file of cases").iter().enumerate() {
        let outcome = run(&mut warehouse, number, case).await;
        let passes = outcome.verdict == Verdict::Pass;
        passed += usize::from(passes);
        match (passes, NOT_YET.contains(&case.id.as_str())) {
            (true, true) => wrong.push(format!("{} passes: take it out of NOT_YET", case.id)),
            (false, false) => wrong.push(format!("{}: {}", case.id, outcome.reason)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(passed >= 130, "{passed}");
}

/// What is not supported may be refused, but no answer may be wrong.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_of_googles_evaluator_is_contradicted() {
    let mut warehouse = Warehouse::start(TestCluster::shared()).await;
    let (mut wrong, mut passed) = (Vec::new(), 0);
    for (number, case) in cases(GOOGLESQL).expect("a file of cases").iter().enumerate() {
        let outcome = run(&mut warehouse, number, case).await;
        passed += usize::from(outcome.verdict == Verdict::Pass);
        match (outcome.verdict == Verdict::Fail, WRONG.contains(&case.id.as_str())) {
            (false, true) => wrong.push(format!("{} is not wrong: take it out of WRONG", case.id)),
            (true, false) => wrong.push(format!("{}: {}: {}", case.id, case.query, outcome.reason)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(passed >= 320, "{passed}");
}

/// Each is a case with something wrong in it that must be told.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_are_seen() {
    let mut warehouse = Warehouse::start(TestCluster::shared()).await;
    let table = "CREATE TABLE `${DATASET}.t` (a INT64, s STRING); INSERT INTO `${DATASET}.t` VALUES (1, 'x'), (2, NULL);";
    let rows = |ty: &str, rows: &str| {
        format!(
            r#"{{"schema": [{{"name": "a", "type": "{ty}", "mode": "NULLABLE"}}], "rows": {rows}}}"#
        )
    };
    let error = r#"{"error": {"message_pattern": "overflow"}}"#.to_owned();
    let two = r#"[{"a": 1}, {"a": 2}]"#;
    for (query, expected, verdict, reason) in [
        ("select a from `${DATASET}.t`", rows("INTEGER", two), Verdict::Pass, ""),
        (
            "select a from `${DATASET}.t`",
            rows("FLOAT", two),
            Verdict::Fail,
            "type INT64 instead of FLOAT64",
        ),
        (
            "select a from `${DATASET}.t`",
            rows("INTEGER", r#"[{"a": 1}]"#),
            Verdict::Fail,
            "2 rows instead of 1",
        ),
        (
            "select a from `${DATASET}.t`",
            rows("INTEGER", r#"[{"a": 1}, {"a": 3}]"#),
            Verdict::Fail,
            "(2) instead of (3)",
        ),
        (
            "select a from `${DATASET}.t` order by a desc",
            rows("INTEGER", two),
            Verdict::Fail,
            "(2) instead of (1)",
        ),
        (
            "select a as b from `${DATASET}.t`",
            rows("INTEGER", two),
            Verdict::Fail,
            "columns b instead of a",
        ),
        ("select 1 as a", error.clone(), Verdict::Fail, "1 rows instead of an error"),
        (
            "select 9223372036854775807 + a as a from `${DATASET}.t`",
            rows("INTEGER", two),
            Verdict::Fail,
            "no answer",
        ),
        ("select nothing_of(a) from `${DATASET}.t`", error, Verdict::Refused, "another error"),
        ("select from", rows("INTEGER", two), Verdict::Refused, ""),
    ] {
        let line = format!(
            r#"{{"id": "x", "query": {query:?}, "setup": {table:?}, "expected": {expected}}}"#
        );
        let cases = cases(&line).expect("a case");
        let outcome = run(&mut warehouse, 0, &cases[0]).await;
        assert_eq!(outcome.verdict, verdict, "{query}: {}", outcome.reason);
        assert!(outcome.reason.contains(reason), "{query}: {}", outcome.reason);
    }
}
