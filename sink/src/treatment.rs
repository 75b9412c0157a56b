//! What a source's settings make of its events on their way: what is missing is filled, fields are
//! copied, looked up and dropped, events filtered out, messages made.

use std::{
    collections::HashMap,
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
};

use event_schemas::{CopyFields, DropFields, Event, KeyLookups, KeyValues, MessageKeys};
use lql::Lql;
use repair::{Failed, Repair};
use store::{Source, SourceKey, SourceSettings, Store};
use uuid::Uuid;

/// What is done to the events of one request's source.
#[derive(Debug, Clone)]
pub(crate) struct Treatment {
    repair: Option<&'static Repair>,
    rules: Arc<Rules>,
    key_values: Arc<KeyValues>,
}

/// What became of a request's events that were to be repaired.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    /// Events that got what they had nothing for.
    pub(crate) filled: usize,
    /// Events that the program ended by an error for. They are as they came.
    pub(crate) failed: usize,
    /// The first error.
    pub(crate) error: Option<Failed>,
}

impl Repairs {
    fn count(&mut self, done: Result<bool, Failed>) {
        match done {
            Ok(filled) => self.filled += usize::from(filled),
            Err(error) => {
                self.failed += 1;
                self.error.get_or_insert(error);
            }
        }
    }
}

/// A source's settings, read.
#[derive(Debug, Default)]
struct Rules {
    copy: Option<CopyFields>,
    lookups: Option<KeyLookups>,
    drop: Option<DropFields>,
    filter: Option<Lql>,
    message: Option<MessageKeys>,
}

impl Treatment {
    /// Whether events may be other ones after [`Self::change`].
    pub(crate) fn changes_fields(&self) -> bool {
        let Rules { copy, lookups, drop, .. } = &*self.rules;
        self.repair.is_some() || copy.is_some() || lookups.is_some() || drop.is_some()
    }

    /// Whether events may become larger.
    pub(crate) fn adds(&self) -> bool {
        let Rules { copy, lookups, message, .. } = &*self.rules;
        copy.is_some() || lookups.is_some() || message.is_some()
    }

    /// What comes before an event is checked. `may_add` is asked before anything is added, with the
    /// setting that adds it and its bytes.
    pub(crate) fn change(
        &self,
        event: &mut Event<'_>,
        repairs: &mut Repairs,
        mut may_add: impl FnMut(&str, usize) -> bool,
    ) {
        if let Some(repair) = self.repair {
            repairs.count(repair.apply(event));
        }
        let Rules { copy, lookups, drop, .. } = &*self.rules;
        if let Some(copy) = copy {
            copy.apply(event, |bytes| may_add("transform_copy_fields", bytes));
        }
        if let Some(lookups) = lookups {
            lookups.apply(event, &self.key_values, |bytes| may_add("transform_key_values", bytes));
        }
        if let Some(drop) = drop {
            drop.apply(event);
        }
    }

    /// What comes after: whether the event is stored, and under which message. That stays as it is
    /// where `may_add`, asked as before, says no.
    pub(crate) fn finish(
        &self,
        event: &mut Event<'_>,
        mut may_add: impl FnMut(&str, usize) -> bool,
    ) -> bool {
        let Rules { filter, message, .. } = &*self.rules;
        if filter.as_ref().is_some_and(|filter| filter.matches(event)) {
            return false;
        }
        if let Some(message) = message {
            message.apply(event, |bytes| may_add("custom_event_message_keys", bytes));
        }
        true
    }
}

/// The treatments of all sources, read once each time that settings are changed. Cheap to clone;
/// clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Treatments(Arc<RwLock<HashMap<Uuid, Read>>>);

#[derive(Debug)]
struct Read {
    settings: Arc<SourceSettings>,
    rules: Arc<Rules>,
}

impl Treatments {
    /// What is done to a source's events; none, as for most.
    pub(crate) fn of(&self, source: &Source, store: &Store) -> Option<Treatment> {
        let settings = &source.settings;
        if !has_rules(settings) {
            return None;
        }
        let read = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = read.get(&source.token).filter(|known| Arc::ptr_eq(&known.settings, settings));
        let known = known.map(|known| Arc::clone(&known.rules));
        drop(read);
        let rules = known.unwrap_or_else(|| {
            let rules = Arc::new(Rules::read(source));
            let read = Read { settings: Arc::clone(settings), rules: Arc::clone(&rules) };
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            // Those of sources that are gone.
            known.retain(|token, _| store.source(SourceKey::Token(*token)).is_some());
            known.insert(source.token, read);
            rules
        });
        let key_values = match rules.lookups {
            Some(_) => store.loaded_key_values(),
            None => Arc::default(),
        };
        // By what it is declared as, which may change while the settings stay.
        let repair = settings.repair.then(|| repair::of_source(&source.declared_as)).flatten();
        Some(Treatment { repair, rules, key_values })
    }
}

/// About how many times each byte of a source's bodies is looked at for its settings: lines of them,
/// and words of the filter.
pub(crate) fn steps(settings: &SourceSettings) -> usize {
    let lines = [
        &settings.transform_copy_fields,
        &settings.transform_key_values,
        &settings.transform_drop_fields,
        &settings.custom_event_message_keys,
    ];
    // A repair looks for two patterns.
    let repair = if settings.repair { 2 } else { 0 };
    let lines: usize = lines.into_iter().flatten().map(|text| text.lines().count().max(1)).sum();
    repair + lines + settings.drop_lql_string.as_deref().map_or(0, words)
}

/// Words of a filter: each is looked for in each event.
pub(crate) fn words(lql: &str) -> usize {
    lql.split_whitespace().count().max(1)
}

fn has_rules(settings: &SourceSettings) -> bool {
    let SourceSettings {
        repair,
        transform_copy_fields: copy,
        transform_key_values: lookups,
        transform_drop_fields: drop,
        drop_lql_string: filter,
        custom_event_message_keys: message,
        ..
    } = settings;
    *repair || [copy, lookups, drop, filter, message].into_iter().any(Option::is_some)
}

impl Rules {
    /// What cannot be read is told and left out. The API takes no such thing.
    fn read(source: &Source) -> Self {
        let settings = &source.settings;
        Self {
            copy: read(source, "transform_copy_fields", settings.transform_copy_fields.as_ref()),
            lookups: read(source, "transform_key_values", settings.transform_key_values.as_ref()),
            drop: read(source, "transform_drop_fields", settings.transform_drop_fields.as_ref()),
            filter: settings.drop_lql_string.as_ref().and_then(|text| {
                // A filter without filters would drop everything.
                let read =
                    lql::parse(text).map(|lql| Some(lql).filter(|lql| !lql.filters.is_empty()));
                told(source, "drop_lql_string", read).flatten()
            }),
            message: read(
                source,
                "custom_event_message_keys",
                settings.custom_event_message_keys.as_ref(),
            ),
        }
    }
}

fn read<T>(source: &Source, setting: &str, text: Option<&String>) -> Option<T>
where
    T: FromStr<Err: std::fmt::Display>,
{
    told(source, setting, text?.parse())
}

fn told<T>(source: &Source, setting: &str, read: Result<T, impl std::fmt::Display>) -> Option<T> {
    let told = |error: &_| {
        tracing::warn!(source = source.name, %error, "`{setting}` is not understood and not done");
    };
    read.inspect_err(told).ok()
}

#[cfg(test)]
mod tests {
    use event_schemas::{EventSchema, SourceSchema, parse};
    use store::Validation;

    use super::*;
    use crate::pipeline::Pipeline;

    fn source(settings: SourceSettings) -> Source {
        Source {
            id: 1,
            token: Uuid::nil(),
            table: String::new(),
            known: Arc::new(SourceSchema::new(Arc::default())),
            schema: Arc::default(),
            validation: Validation::default(),
            event_schema: EventSchema::of_source("none"),
            name: "own".to_owned(),
            declared_as: "own".to_owned(),
            retention_days: None,
            settings: Arc::new(settings),
            created_at: 0,
            updated_at: 0,
        }
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn settings_are_read_once_until_they_are_changed() {
        let pipeline = Pipeline::starting();
        let (store, treatments) = (pipeline.store(), Treatments::default());
        assert!(treatments.of(&source(SourceSettings::default()), store).is_none());
        let filter = |filter: &str| SourceSettings {
            drop_lql_string: text(filter),
            ..SourceSettings::default()
        };
        let debug = source(filter("debug"));
        let first = treatments.of(&debug, store).unwrap();
        assert_eq!(steps(&debug.settings), 1);
        let second = treatments.of(&debug, store).unwrap();
        assert!(Arc::ptr_eq(&first.rules, &second.rules));
        let other = treatments.of(&source(filter("info")), store).unwrap();
        assert!(!Arc::ptr_eq(&first.rules, &other.rules));
        for (message, kept) in [("a debug b", [false, true]), ("info", [true, false])] {
            let body = format!(r#"{{"message":"{message}"}}"#);
            let mut event = Event::normalise(parse(&body).unwrap(), 0).unwrap();
            let finished =
                [&first, &other].map(|treatment| treatment.finish(&mut event, |_, _| true));
            assert_eq!(finished, kept, "{message}");
        }
    }

    /// The filter sees what was copied and not what was dropped; the message is made last.
    #[test]
    fn things_are_done_in_the_contracts_order() {
        let settings = SourceSettings {
            transform_copy_fields: text("a:b"),
            transform_drop_fields: text("a"),
            drop_lql_string: text("b:x -a:x"),
            custom_event_message_keys: text("b, message"),
            ..SourceSettings::default()
        };
        let pipeline = Pipeline::starting();
        assert_eq!(steps(&settings), 5);
        let treatment = Treatments::default().of(&source(settings), pipeline.store()).unwrap();
        assert!(treatment.changes_fields() && treatment.adds());
        for (body, message) in [
            (r#"{"a":"y","message":"m"}"#, Some("y | m")),
            (r#"{"a":"z","b":"x","message":"m"}"#, Some("z | m")),
        ] {
            let mut event = Event::normalise(parse(body).unwrap(), 0).unwrap();
            treatment.change(&mut event, &mut Repairs::default(), |_, _| true);
            assert_eq!(event.field("a"), None);
            let kept = treatment.finish(&mut event, |_, _| true);
            let kept = kept.then_some(event.event_message.as_deref());
            assert_eq!(kept, Some(message), "{body}");
        }
    }

    /// Copies are made of what was filled.
    #[test]
    fn repair_comes_first_and_goes_by_what_the_source_is_declared_as() {
        let settings = SourceSettings {
            repair: true,
            transform_copy_fields: text("m.parsed.user_name:user"),
            ..SourceSettings::default()
        };
        assert_eq!(steps(&settings), 3);
        let pipeline = Pipeline::starting();
        let (own, treatments) = (source(settings), Treatments::default());
        let renamed = Source { declared_as: "postgres.logs".to_owned(), ..own.clone() };
        let line = r#"{"message":"2026-11-20 12:00:07.5 UTC [5] me@db ERROR:  x"}"#;
        for (source, user, filled) in [(&own, None, 0), (&renamed, Some("me"), 1)] {
            let treatment = treatments.of(source, pipeline.store()).unwrap();
            let mut event = Event::normalise(parse(line).unwrap(), 0).unwrap();
            let mut repairs = Repairs::default();
            treatment.change(&mut event, &mut repairs, |_, _| true);
            let user = user.map(|user: &str| event_schemas::Value::String(user.into()));
            assert_eq!((event.field("user"), repairs.filled), (user.as_ref(), filled));
        }
    }

    #[test]
    fn failures_are_counted_and_the_first_is_kept() {
        let repair = Repair::compile(".n = to_int!(.event_message)").unwrap();
        let mut repairs = Repairs::default();
        for line in [r#"{"message":"7"}"#, r#"{"message":"a"}"#, r#"{"message":"b"}"#] {
            let mut event = Event::normalise(parse(line).unwrap(), 0).unwrap();
            repairs.count(repair.apply(&mut event));
        }
        assert_eq!((repairs.filled, repairs.failed), (1, 2));
        assert!(repairs.error.unwrap().to_string().contains("\"a\""));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let settings = SourceSettings {
            transform_copy_fields: text("a"),
            drop_lql_string: text("s:a"),
            custom_event_message_keys: text("id"),
            ..SourceSettings::default()
        };
        let pipeline = Pipeline::starting();
        let treatment = Treatments::default().of(&source(settings), pipeline.store()).unwrap();
        assert!(!treatment.changes_fields());
        let mut event = Event::normalise(parse(r#"{"id":"i"}"#).unwrap(), 0).unwrap();
        assert!(treatment.finish(&mut event, |_, _| true));
        assert_eq!(event.event_message.as_deref(), Some("i"));
    }
}
