//! A program, with the fields that it asks for and those that it makes.

use event_schemas::{Event, EventPath};
use vrl::{
    compiler::{
        CompileConfig, Program, TargetValueRef, TimeZone, TypeState,
        runtime::{Runtime, Terminate},
        state::ExternalEnv,
    },
    diagnostic::Formatter,
    path::{OwnedSegment, OwnedTargetPath, OwnedValuePath, PathPrefix},
    value::{Kind, ObjectMap, Secrets, Value, kind::Collection},
};

use crate::value::{from_vrl, to_vrl};

/// Fills what events of a source have nothing for.
#[derive(Debug)]
pub struct Repair {
    program: Program,
    time_zone: TimeZone,
    asks: Vec<Field>,
    makes: Vec<Field>,
}

/// A field of the event, as the program and as the event names it.
#[derive(Debug)]
struct Field {
    in_program: OwnedValuePath,
    in_event: EventPath,
}

/// Why a program cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProgram {
    /// It does not compile; what the compiler prints.
    #[error("the program does not compile:\n{0}")]
    Vrl(String),
    /// It asks for or makes something that is no field: `.` or `.list[0]`.
    #[error("the program names {0}: it may only name fields of objects, such as .metadata.level")]
    NoField(String),
}

/// A program ended by an error; the event is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the repair failed: {0}")]
pub struct Failed(String);

impl Repair {
    /// Compiles a program, which sees an event as it is when it is normalised: `.event_message`,
    /// `.timestamp` in microseconds, `.id`, and all other fields without what is empty.
    ///
    /// # Errors
    /// Where it does not compile, or names more than fields.
    pub fn compile(source: &str) -> Result<Self, InvalidProgram> {
        let any = Kind::object(Collection::any());
        let state = TypeState {
            external: ExternalEnv::new_with_kind(any.clone(), any),
            ..TypeState::default()
        };
        let functions = vrl::stdlib::all();
        let config = CompileConfig::default();
        let compiled = vrl::compiler::compile_with_state(source, &functions, &state, config)
            .map_err(|faults| InvalidProgram::Vrl(Formatter::new(source, faults).to_string()))?;
        let program = compiled.program;
        let info = program.info();
        Ok(Self {
            asks: fields(&info.target_queries)?,
            makes: fields(&info.target_assignments)?,
            program,
            time_zone: TimeZone::parse("UTC").unwrap_or_default(),
        })
    }

    /// Whether it has something for a field: `metadata.request.method`.
    pub fn may_fill(&self, field: &str) -> bool {
        let field = EventPath::read(field);
        self.makes.iter().any(|made| Some(&made.in_event) == field.as_ref())
    }

    /// Whether it handles all errors itself.
    pub fn is_infallible(&self) -> bool {
        !self.program.info().fallible
    }

    /// Gives an event what the program makes and it has nothing for; whether that is anything. A
    /// program says by `abort` that there is nothing to do.
    ///
    /// # Errors
    /// Where the program ends by an error. The event is as it was.
    pub fn apply(&self, event: &mut Event<'_>) -> Result<bool, Failed> {
        if self.makes.iter().all(|field| field.in_event.get(event).is_some()) {
            return Ok(false);
        }
        let mut seen = Value::Object(ObjectMap::new());
        for field in &self.asks {
            if let Some(value) = field.in_event.get(event) {
                seen.insert(&field.in_program, to_vrl(value));
            }
        }
        let (mut metadata, mut secrets) = (Value::Object(ObjectMap::new()), Secrets::default());
        let mut target =
            TargetValueRef { value: &mut seen, metadata: &mut metadata, secrets: &mut secrets };
        match Runtime::default().resolve(&mut target, &self.program, &self.time_zone) {
            Ok(_) => {}
            Err(Terminate::Abort(_)) => return Ok(false),
            Err(error) => return Err(Failed(error.to_string())),
        }
        let mut filled = false;
        for field in &self.makes {
            if let Some(made) = seen.get(&field.in_program) {
                filled |= field.in_event.fill(event, from_vrl(made));
            }
        }
        Ok(filled)
    }
}

/// The fields of the event among paths, each once.
fn fields(paths: &[OwnedTargetPath]) -> Result<Vec<Field>, InvalidProgram> {
    let mut fields: Vec<Field> = Vec::new();
    for path in paths.iter().filter(|path| path.prefix == PathPrefix::Event) {
        let no_field = || InvalidProgram::NoField(path.to_string());
        let in_event = in_event(&path.path).ok_or_else(no_field)?;
        if !fields.iter().any(|known| known.in_event == in_event) {
            fields.push(Field { in_program: path.path.clone(), in_event });
        }
    }
    Ok(fields)
}

fn in_event(path: &OwnedValuePath) -> Option<EventPath> {
    let names = path.segments.iter().map(|segment| match segment {
        OwnedSegment::Field(name) if !name.contains('.') => Some(name.as_str()),
        _ => None,
    });
    EventPath::read(&names.collect::<Option<Vec<_>>>()?.join("."))
}
