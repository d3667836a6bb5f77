/// The JSON Schema (draft 7) of the script language, for editors: they find it through the `#:schema` line of a
/// script. The parser says more than it can, such as which names are known.
pub fn schema() -> &'static str {
    include_str!("../../config/scenarios/scenario.schema.json")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::raw::*;
    use super::*;
    use crate::diagnostic::SourceFile;

    fn parsed() -> Value {
        serde_json::from_str(schema()).unwrap()
    }

    /// The keys a table may have, as its reader names them when it meets one it does not know.
    fn keys<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
        let Err(error) = SourceFile::new("x", "unheard-of = 1").parse_toml::<T>() else {
            panic!("takes any key")
        };
        let error = error.to_string();
        let allowed = error.split("allowed: ").nth(1).unwrap_or_else(|| panic!("{error}"));
        allowed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The words a value may be.
    fn words<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
        #[derive(serde::Deserialize)]
        struct Holder<T> {
            #[serde(rename = "value")]
            _value: T,
        }
        let read = SourceFile::new("x", "value = \"unheard-of\"").parse_toml::<Holder<T>>();
        let Err(error) = read else { panic!("takes any word") };
        let error = error.to_string();
        let allowed = error.split("allowed: ").nth(1).unwrap_or_else(|| panic!("{error}"));
        allowed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    fn properties(schema: &Value) -> BTreeSet<String> {
        assert_eq!(schema["additionalProperties"], false, "{schema}");
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    }

    fn choices(schema: &Value) -> BTreeSet<String> {
        let list = schema["enum"].as_array().unwrap_or_else(|| panic!("{schema}"));
        list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_schema_has_the_keys_that_the_parser_takes() {
        let schema = parsed();
        let of = |name: &str| properties(&schema["definitions"][name]);
        assert_eq!(properties(&schema), keys::<RawScript>());
        assert_eq!(of("world"), keys::<RawWorld>());
        assert_eq!(of("region"), keys::<RawRegion>());
        assert_eq!(of("include"), keys::<RawInclude>());
        assert_eq!(of("case"), keys::<RawCase>());
        assert_eq!(of("stance"), keys::<crate::gate::StanceChange>());
        assert_eq!(of("account"), keys::<RawAccount>());
        assert_eq!(of("message"), keys::<RawMessage>());
        assert_eq!(of("step"), keys::<RawStep>());
        assert_eq!(of("demand"), keys::<RawDemand>());
        assert_eq!(of("offence"), keys::<RawOffence>());
        assert_eq!(of("items"), keys::<RawSelector>());
        assert_eq!(of("order"), keys::<RawOrder>());
        assert_eq!(of("filing"), keys::<RawFiling>());
        assert_eq!(of("route"), keys::<RawRoute>());
        assert_eq!(of("expect"), keys::<RawExpect>());
        let demand = &schema["definitions"]["demand"]["properties"];
        assert_eq!(properties(&demand["relates"]), keys::<RawRelation>());
        assert_eq!(properties(&demand["executes"]), keys::<RawExecutes>());
        assert_eq!(properties(&demand["range"]), keys::<crate::demand::DateRange>());
        assert_eq!(properties(&schema["definitions"]["order"]["properties"]["per-day"]), keys::<RawPerDay>());
    }

    #[test]
    fn the_schema_has_the_words_that_the_parser_takes() {
        use super::super::script::Wanted;
        use crate::demand::{
            Act, Disposition, InstrumentKind, Outcome, ProofLevel, Purpose, RelationKind, Term,
        };
        use crate::gate::Duty;
        use crate::gate::{FilingKind, Party};
        use crate::law::PositionKind;
        use crate::world::SourceMark;
        use crate::world::{Conduct, KeyCustody, OrderKind};
        let schema = parsed();
        let of = |name: &str| choices(&schema["definitions"][name]);
        let key = |table: &str, key: &str| choices(&schema["definitions"][table]["properties"][key]);
        assert_eq!(of("class"), words::<crate::world::DataClass>());
        assert_eq!(of("act"), words::<Act>());
        assert_eq!(of("conduct"), words::<Conduct>());
        assert_eq!(of("duty"), words::<Duty>());
        assert_eq!(of("position"), words::<PositionKind>());
        // History is read or remembered, never chosen.
        let mut marks = words::<SourceMark>();
        marks.retain(|mark| mark != "modelling choice");
        assert_eq!(of("mark"), marks);
        assert_eq!(key("region", "key-custody"), words::<KeyCustody>());
        assert_eq!(key("demand", "instrument"), words::<InstrumentKind>());
        assert_eq!(key("demand", "proof"), words::<ProofLevel>());
        assert_eq!(key("demand", "term"), words::<Term>());
        assert_eq!(key("demand", "purpose"), words::<Purpose>());
        let relates = &schema["definitions"]["demand"]["properties"]["relates"]["properties"]["kind"];
        assert_eq!(choices(relates), words::<RelationKind>());
        assert_eq!(key("order", "effect"), words::<OrderKind>());
        assert_eq!(key("filing", "by"), words::<Party>());
        assert_eq!(key("filing", "kind"), words::<FilingKind>());
        assert_eq!(key("expect", "outcome"), words::<Wanted<Outcome>>());
        assert_eq!(key("expect", "disposition"), words::<Disposition>());
    }

    #[test]
    fn every_scenario_file_leads_an_editor_to_the_schema() {
        let files = crate::embedded::under("config/scenarios/").filter(|(path, _)| path.ends_with(".toml"));
        let mut count = 0;
        for (path, text) in files {
            let first = text.lines().next().unwrap_or_default();
            let deep = path.matches('/').count() - "config/scenarios/".matches('/').count();
            let up = if deep == 0 { "./".to_owned() } else { "../".repeat(deep) };
            assert_eq!(first, format!("#:schema {up}scenario.schema.json"), "{path}");
            count += 1;
        }
        assert!(count > 35, "{count} files");
    }

    #[test]
    fn every_reference_in_the_schema_leads_somewhere() {
        fn walk<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
            match value {
                Value::Object(map) => {
                    into.extend(map.get("$ref").and_then(Value::as_str));
                    map.values().for_each(|value| walk(value, into));
                }
                Value::Array(list) => list.iter().for_each(|value| walk(value, into)),
                _ => {}
            }
        }
        let schema = parsed();
        let mut references = Vec::new();
        walk(&schema, &mut references);
        assert!(references.len() > 40);
        for reference in references {
            assert!(schema.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
