//! As much of XML Schema as `junit.xsd` needs: elements with attributes, in sequences and choices.

use regex::Regex;
use roxmltree::{Document, Node};

/// What a document has that its schema does not allow.
pub(super) fn faults(schema: &str, document: &str) -> Vec<String> {
    let schema = Document::parse(schema).unwrap();
    let document = match Document::parse(document) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let mut found = Vec::new();
    for element in document.root_element().descendants().filter(Node::is_element) {
        let name = element.tag_name().name();
        let declared =
            elements(schema.root_element()).find(|one| one.attribute("name") == Some(name));
        match declared.and_then(|declared| elements(declared).next()) {
            Some(kind) => found.extend(of_element(element, kind)),
            None => found.push(format!("there is no element {name}")),
        }
    }
    found
}

fn elements<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

fn of_element(element: Node<'_, '_>, kind: Node<'_, '_>) -> Vec<String> {
    let name = element.tag_name().name();
    let mut found = Vec::new();
    let declared: Vec<_> = elements(kind).filter(|one| one.has_tag_name(xs("attribute"))).collect();
    for attribute in element.attributes() {
        let of = declared.iter().find(|one| one.attribute("name") == Some(attribute.name()));
        match of.and_then(|one| one.attribute("type")) {
            None => found.push(format!("{name} has no attribute {}", attribute.name())),
            Some(of) if !fits(of, attribute.value()) => {
                found.push(format!(
                    "{name}: {}={:?} is no {of}",
                    attribute.name(),
                    attribute.value()
                ));
            }
            Some(_) => {}
        }
    }
    for needed in declared.iter().filter(|one| one.attribute("use") == Some("required")) {
        let needed = needed.attribute("name").unwrap();
        if !element.has_attribute(needed) {
            found.push(format!("{name} lacks {needed}"));
        }
    }
    let held: String =
        elements(element).map(|one| format!("<{}>", one.tag_name().name())).collect();
    let model: String = elements(kind).map(pattern).collect();
    if !Regex::new(&format!("^(?:{model})$")).unwrap().is_match(&held) {
        found.push(format!("{name} may not hold {held}"));
    }
    let text = element.children().filter(|one| one.is_text()).filter_map(|one| one.text());
    if kind.attribute("mixed") != Some("true") && text.collect::<String>().trim() != "" {
        found.push(format!("{name} may hold no text"));
    }
    found
}

/// What may be held, as a regular expression over the names of elements.
fn pattern(particle: Node<'_, '_>) -> String {
    let inner: Vec<_> = elements(particle).map(pattern).collect();
    let inner = match particle.tag_name().name() {
        "element" => format!("<{}>", particle.attribute("ref").unwrap()),
        "sequence" => inner.concat(),
        "choice" => inner.join("|"),
        "attribute" => return String::new(),
        other => panic!("{other} is not understood"),
    };
    let least = particle.attribute("minOccurs").unwrap_or("1");
    let most = particle.attribute("maxOccurs").unwrap_or("1").replace("unbounded", "");
    format!("(?:{inner}){{{least},{most}}}")
}

fn xs(name: &'static str) -> (&'static str, &'static str) {
    ("http://www.w3.org/2001/XMLSchema", name)
}

fn fits(of: &str, value: &str) -> bool {
    match of {
        "xs:string" => true,
        "xs:nonNegativeInteger" => value.parse::<u64>().is_ok(),
        "xs:decimal" => value.parse::<f64>().is_ok(),
        other => panic!("{other} is not understood"),
    }
}
