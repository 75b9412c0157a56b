//! What the holder of a token may do.

use std::{fmt, str::FromStr, sync::Arc};

/// What the holder of a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    holder: Holder,
    scopes: Arc<Scopes>,
}

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Who has the public token of the settings.
    Public,
    /// Who has the private token of the settings.
    Private,
    /// Who has the access token of this id.
    AccessToken(i64),
}

/// The scopes of an access token, as in Logflare: words separated by blanks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<ScopeWord>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScopeWord {
    Public,
    Private,
    Ingest,
    IngestSource(i64),
    IngestCollection(i64),
    Query,
    QueryEndpoint(i64),
}

/// A word that is no scope, or one that nobody gets here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoScope {
    /// Logflare's operators alone have it.
    #[error("cannot be assigned by users")]
    Partner,
    /// The contract's text: it is shown beside the field.
    #[error("contains unrecognized scope")]
    Unknown,
}

impl Grant {
    /// What `holder` may do.
    pub(crate) fn new(holder: Holder, scopes: Arc<Scopes>) -> Self {
        Self { holder, scopes }
    }

    /// Whose token it is.
    pub fn holder(&self) -> Holder {
        self.holder
    }

    /// Whether events may be sent to any source at all: what can be said before the source is known.
    pub fn may_ingest(&self) -> bool {
        self.scopes.0.is_empty() || self.scopes.0.iter().any(|scope| scope.ingests(None))
    }

    /// Whether events may be sent to the source of this catalog id.
    pub fn may_ingest_to(&self, source: i64) -> bool {
        self.scopes.0.is_empty() || self.scopes.0.iter().any(|scope| scope.ingests(Some(source)))
    }

    /// Whether events may be sent to every source.
    pub fn may_ingest_to_all(&self) -> bool {
        let all = |scope: &ScopeWord| {
            matches!(scope, ScopeWord::Public | ScopeWord::Private | ScopeWord::Ingest)
        };
        self.scopes.0.is_empty() || self.scopes.0.iter().any(all)
    }

    /// Whether the endpoint of this catalog id may be queried.
    pub fn may_query(&self, endpoint: i64) -> bool {
        self.scopes.0.iter().any(|scope| match scope {
            ScopeWord::Private | ScopeWord::Query => true,
            ScopeWord::QueryEndpoint(id) => *id == endpoint,
            _ => false,
        })
    }

    /// Whether all endpoints may be queried: who may learns which there are.
    pub fn may_query_all(&self) -> bool {
        self.scopes.0.iter().any(|scope| matches!(scope, ScopeWord::Private | ScopeWord::Query))
    }

    /// Whether the catalog and rejected events may be seen and changed.
    pub fn may_manage(&self) -> bool {
        self.scopes.0.contains(&ScopeWord::Private)
    }
}

impl ScopeWord {
    /// Whether it lets events into a source, or into any.
    fn ingests(self, source: Option<i64>) -> bool {
        match self {
            Self::Public | Self::Private | Self::Ingest => true,
            Self::IngestSource(id) | Self::IngestCollection(id) => source.is_none_or(|s| s == id),
            Self::Query | Self::QueryEndpoint(_) => false,
        }
    }

    fn only_ingests(&self) -> bool {
        match self {
            Self::Public | Self::Ingest | Self::IngestSource(_) | Self::IngestCollection(_) => true,
            Self::Private | Self::Query | Self::QueryEndpoint(_) => false,
        }
    }
}

impl Scopes {
    /// Those of the public token.
    pub(crate) fn public() -> Self {
        Self(vec![ScopeWord::Public])
    }

    /// Those of the private token: everything.
    pub(crate) fn private() -> Self {
        Self(vec![ScopeWord::Private])
    }

    /// Whether the token is shown again in lists: it is public, and opens nothing that only few may
    /// see. Only then it is kept itself.
    pub(crate) fn are_shown_again(&self) -> bool {
        self.0.contains(&ScopeWord::Public) && self.0.iter().all(|scope| scope.only_ingests())
    }
}

impl FromStr for Scopes {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for ScopeWord {
    type Err = NoScope;

    fn from_str(word: &str) -> Result<Self, NoScope> {
        Ok(match word {
            "public" => Self::Public,
            "private" => Self::Private,
            "ingest" => Self::Ingest,
            "query" => Self::Query,
            "partner" => return Err(NoScope::Partner),
            _ => {
                let (kind, id) = word.rsplit_once(':').ok_or(NoScope::Unknown)?;
                let id = id.parse().map_err(|_| NoScope::Unknown)?;
                match kind {
                    "ingest:source" => Self::IngestSource(id),
                    "ingest:collection" => Self::IngestCollection(id),
                    "query:endpoint" => Self::QueryEndpoint(id),
                    _ => return Err(NoScope::Unknown),
                }
            }
        })
    }
}

/// `public`, `private`, `access token 7`: for logs.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Private => f.write_str("private"),
            Self::AccessToken(id) => write!(f, "access token {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(scopes: &str) -> Grant {
        Grant::new(Holder::AccessToken(1), Arc::new(scopes.parse().unwrap()))
    }

    #[test]
    fn scopes_open_what_the_contract_says() {
        // Ingest at all, to source 7, to source 8; query endpoint 7, 8, all; manage.
        for (scopes, expected) in [
            ("private", [true, true, true, true, true, true, true]),
            ("public", [true, true, true, false, false, false, false]),
            ("", [true, true, true, false, false, false, false]),
            ("ingest", [true, true, true, false, false, false, false]),
            ("ingest:source:7", [true, true, false, false, false, false, false]),
            ("ingest:collection:8", [true, false, true, false, false, false, false]),
            ("query", [false, false, false, true, true, true, false]),
            ("query:endpoint:7", [false, false, false, true, false, false, false]),
            (" ingest:source:7  query:endpoint:8 ", [true, true, false, false, true, false, false]),
        ] {
            let grant = grant(scopes);
            let found = [
                grant.may_ingest(),
                grant.may_ingest_to(7),
                grant.may_ingest_to(8),
                grant.may_query(7),
                grant.may_query(8),
                grant.may_query_all(),
                grant.may_manage(),
            ];
            assert_eq!(found, expected, "{scopes:?}");
        }
    }

    #[test]
    fn only_tokens_that_let_events_in_are_shown_again() {
        for (scopes, expected) in [
            ("public", true),
            ("public ingest ingest:source:1 ingest:collection:2", true),
            ("", false),
            ("ingest", false),
            ("private", false),
            ("public private", false),
            ("query public", false),
            ("public query:endpoint:1", false),
        ] {
            let scopes: Scopes = scopes.parse().unwrap();
            assert_eq!(scopes.are_shown_again(), expected, "{scopes:?}");
        }
    }

    #[test]
    fn other_words_are_no_scopes() {
        for word in ["management", "ingest:source:", "ingest:source:x", "a:b:1", "Public", ":1"] {
            assert_eq!(word.parse::<Scopes>(), Err(NoScope::Unknown), "{word}");
        }
        assert_eq!("public partner".parse::<Scopes>(), Err(NoScope::Partner));
    }
}
