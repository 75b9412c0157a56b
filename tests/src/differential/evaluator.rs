//! Google's reference evaluator of GoogleSQL, as a service over gRPC.

use std::time::Duration;

use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

use super::{
    messages::{
        AnalyzerOptions, AnalyzerOptionsRequest, BuiltinFunctionOptions, DescriptorPoolList,
        EvaluateQueryRequest, EvaluateQueryResponse, LanguageOptions, LanguageOptionsRequest,
        RegisterCatalogRequest, RegisterResponse, SimpleCatalog,
    },
    value::{read_type, read_value},
};
use crate::conformance::{Cell, Type};

const SERVICE: &str = "/zetasql.local_service.ZetaSqlLocalService/";

/// `PRODUCT_EXTERNAL`: the types that BigQuery has.
const EXTERNAL: i32 = 1;

/// Features that BigQuery does not have: nanoseconds, equality and grouping of arrays.
const WITHOUT: [i32; 3] = [5, 11006, 12005];

/// What is not among the features of the evaluator's own choice: INTERVAL, and JSON's numbers as
/// exact as BigQuery's.
const WITH: [i32; 2] = [49, 52];

/// Longest time for an answer.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// A connection to a running evaluator.
#[derive(Debug)]
pub struct Evaluator {
    grpc: Grpc<Channel>,
    options: AnalyzerOptions,
    catalog: Option<i64>,
}

/// Its answer to a query.
#[derive(Debug)]
pub(super) struct Evaluated {
    pub(super) columns: Vec<(String, Type)>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// Why it has no answer.
#[derive(Debug)]
pub(super) enum NotEvaluated {
    /// It says that the query is not valid.
    Invalid(String),
    /// The query fails on its values.
    Failed(String),
    /// It does not know how to evaluate it, or answered what is no value of BigQuery's.
    Unsupported(String),
}

impl Evaluator {
    /// Connects to `host:port` and tells it to understand what BigQuery does.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn connect(address: &str) -> Result<Self, String> {
        let channel = Channel::from_shared(format!("http://{address}"));
        let channel = channel.map_err(|error| format!("{address}: {error}"))?;
        let channel = channel.connect().await;
        let channel = channel.map_err(|error| format!("no evaluator at {address}: {error}"))?;
        let grpc = Grpc::new(channel).max_decoding_message_size(64 << 20);
        let mut evaluator = Self { grpc, options: AnalyzerOptions::default(), catalog: None };
        evaluator.set_up().await.map_err(|error| format!("the evaluator says: {error}"))?;
        Ok(evaluator)
    }

    async fn set_up(&mut self) -> Result<(), tonic::Status> {
        let wish = LanguageOptionsRequest { maximum_features: Some(true) };
        let mut language: LanguageOptions = self.call("GetLanguageOptions", wish).await?;
        language.product_mode = Some(EXTERNAL);
        language.enabled_language_features.retain(|feature| !WITHOUT.contains(feature));
        language.enabled_language_features.extend(WITH);
        language.reserved_keywords.push("QUALIFY".to_owned());
        let mut options: AnalyzerOptions =
            self.call("GetAnalyzerOptions", AnalyzerOptionsRequest {}).await?;
        options.language_options = Some(language.clone());
        options.default_timezone = Some("UTC".to_owned());
        self.options = options;
        let functions = BuiltinFunctionOptions { language_options: Some(language) };
        let catalog = SimpleCatalog {
            name: Some("catalog".to_owned()),
            builtin_function_options: Some(functions),
        };
        let registered: RegisterResponse = self
            .call(
                "RegisterCatalog",
                RegisterCatalogRequest {
                    simple_catalog: Some(catalog),
                    descriptor_pool_list: Some(DescriptorPoolList {}),
                },
            )
            .await?;
        self.catalog = registered.registered_id;
        Ok(())
    }

    async fn call<Q, A>(&mut self, method: &str, wish: Q) -> Result<A, tonic::Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let unavailable =
            |error: tonic::transport::Error| tonic::Status::unavailable(error.to_string());
        self.grpc.ready().await.map_err(unavailable)?;
        let path = PathAndQuery::try_from(format!("{SERVICE}{method}"));
        let path = path.map_err(|error| tonic::Status::internal(error.to_string()))?;
        let codec = ProstCodec::<Q, A>::default();
        Ok(self.grpc.unary(Request::new(wish), path, codec).await?.into_inner())
    }

    /// Asks a query.
    ///
    /// # Panics
    /// When the evaluator is gone.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<Evaluated, NotEvaluated> {
        let wish = EvaluateQueryRequest {
            sql: Some(sql.to_owned()),
            options: Some(self.options.clone()),
            descriptor_pool_list: Some(DescriptorPoolList {}),
            registered_catalog_id: self.catalog,
        };
        let asked = tokio::time::timeout(TIME_LIMIT, self.call("EvaluateQuery", wish)).await;
        let Ok(asked) = asked else {
            eprintln!("the evaluator takes too long: {sql}");
            return Err(NotEvaluated::Unsupported("it takes too long".to_owned()));
        };
        let answer: EvaluateQueryResponse = asked.map_err(|status| {
            let message = status.message().to_owned();
            match status.code() {
                Code::Unavailable => panic!("the evaluator is gone after: {sql}\n{message}"),
                Code::OutOfRange => NotEvaluated::Failed(message),
                Code::InvalidArgument => NotEvaluated::Invalid(message),
                _ => NotEvaluated::Unsupported(message),
            }
        })?;
        read(&answer).ok_or_else(|| NotEvaluated::Unsupported("a value of another type".to_owned()))
    }
}

/// Columns without a name as BigQuery names them, and a name that comes again with a number.
fn named(mut columns: Vec<(String, Type)>) -> Vec<(String, Type)> {
    let mut unnamed = 0;
    for place in 0..columns.len() {
        let mut name = columns[place].0.clone();
        if name.is_empty() {
            name = format!("f{unnamed}_");
            unnamed += 1;
        }
        let earlier =
            |name: &str| columns[..place].iter().any(|column| column.0.eq_ignore_ascii_case(name));
        let numbered = (1..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !earlier(name));
        columns[place].0 = free.unwrap_or(name);
    }
    columns
}

fn read(answer: &EvaluateQueryResponse) -> Option<Evaluated> {
    let columns = answer.prepared.as_ref()?.columns.iter();
    let column = columns.map(|column| {
        Some((column.name.clone().unwrap_or_default(), read_type(column.r#type.as_ref()?)?))
    });
    let columns = named(column.collect::<Option<Vec<_>>>()?);
    let table = answer.content.as_ref().and_then(|content| content.table_data.as_ref());
    let rows = table.map_or(&[][..], |table| &table.row).iter().map(|row| {
        let cells = columns.iter().zip(&row.values);
        cells.map(|((_, ty), value)| read_value(ty, value)).collect::<Option<Vec<_>>>()
    });
    let rows = rows.collect::<Option<Vec<_>>>()?;
    Some(Evaluated { columns, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_get_bigquerys_names() {
        let columns = ["", "a", "", "A", "a"].map(|name| (name.to_owned(), Type::Int64));
        let names = named(columns.to_vec()).into_iter().map(|column| column.0);
        assert_eq!(names.collect::<Vec<_>>(), ["f0_", "a", "f1_", "A_1", "a_2"]);
    }
}
