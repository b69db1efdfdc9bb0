//! `OpenAPI` documents of what is served, made from the schema: enough for clients to know fields, types and options.

use super::discovery;
use super::schema::{self, Merge, Parts, Type};
use crate::api::Kind;
use serde_json::{Map, Value, json};

/// Where a structure's schema is found in a document.
#[derive(Clone, Copy)]
enum Version {
    Two,
    Three,
}

impl Version {
    fn reference(self, structure: &str) -> String {
        let name = qualified(structure);
        match self {
            Self::Two => format!("#/definitions/{name}"),
            Self::Three => format!("#/components/schemas/{name}"),
        }
    }
}

/// The name upstream gives a structure in these documents.
fn qualified(structure: &str) -> String {
    let package = match structure {
        "Eviction" | "PodDisruptionBudget" | "PodDisruptionBudgetSpec" | "PodDisruptionBudgetStatus" => {
            "io.k8s.api.policy.v1"
        }
        "SelfSubjectReview" | "SelfSubjectReviewStatus" | "UserInfo" => "io.k8s.api.authentication.v1",
        "FieldSelectorAttributes"
        | "LabelSelectorAttributes"
        | "NonResourceAttributes"
        | "NonResourceRule"
        | "ResourceAttributes"
        | "ResourceRule"
        | "SelfSubjectAccessReview"
        | "SelfSubjectAccessReviewSpec"
        | "SelfSubjectRulesReview"
        | "SelfSubjectRulesReviewSpec"
        | "SubjectAccessReviewStatus"
        | "SubjectRulesReviewStatus" => "io.k8s.api.authorization.v1",
        "Lease" | "LeaseSpec" => "io.k8s.api.coordination.v1",
        "PriorityClass" => "io.k8s.api.scheduling.v1",
        "Scale" | "ScaleSpec" | "ScaleStatus" => "io.k8s.api.autoscaling.v1",
        "ObjectMeta"
        | "OwnerReference"
        | "ManagedFieldsEntry"
        | "LabelSelector"
        | "LabelSelectorRequirement"
        | "DeleteOptions"
        | "Preconditions"
        | "Condition" => "io.k8s.apimachinery.pkg.apis.meta.v1",
        _ => "io.k8s.api.core.v1",
    };
    format!("{package}.{structure}")
}

fn of_type(holds: &Type, version: Version) -> Value {
    match holds {
        Type::Int32 => json!({"type": "integer", "format": "int32"}),
        Type::Int64 => json!({"type": "integer", "format": "int64"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Float => json!({"type": "number", "format": "double"}),
        // A number will do for a quantity as well, but these documents cannot say so to every client.
        Type::Text | Type::Quantity => json!({"type": "string"}),
        Type::IntOrString => json!({"type": "string", "format": "int-or-string", "x-kubernetes-int-or-string": true}),
        Type::Time | Type::MicroTime => json!({"type": "string", "format": "date-time"}),
        Type::Bytes => json!({"type": "string", "format": "byte"}),
        Type::Raw => json!({"type": "object"}),
        Type::List(item) => json!({"type": "array", "items": of_type(item, version)}),
        Type::Map(item) => json!({"type": "object", "additionalProperties": of_type(item, version)}),
        Type::Struct(name) => json!({"$ref": version.reference(name)}),
    }
}

/// What structures and their fields are for, where that is known.
fn descriptions() -> Map<String, Value> {
    #[cfg(feature = "explained")]
    return super::descriptions::schemas();
    #[cfg(not(feature = "explained"))]
    Map::new()
}

/// Says of a schema what it is for. What is said beside a reference counts in version 2 alone: version 3 wants it wrapped.
fn describe(schema: &mut Value, about: &Value, version: Version) {
    let Value::String(description) = &about["description"] else { return };
    if let (Version::Three, Some(reference)) = (version, schema.get("$ref")) {
        *schema = json!({"allOf": [{ "$ref": reference }]});
    }
    schema["description"] = description.as_str().into();
}

fn schemas(version: Version) -> Map<String, Value> {
    let mut all = Map::new();
    let descriptions = descriptions();
    for (name, fields) in schema::types() {
        let said = descriptions.get(&qualified(name)).unwrap_or(&Value::Null);
        let mut properties = Map::new();
        for (field, about) in fields {
            let mut property = of_type(&about.holds, version);
            match about.merge {
                Merge::Replace => {}
                Merge::Key(key) => {
                    property["x-kubernetes-patch-merge-key"] = key.into();
                    property["x-kubernetes-patch-strategy"] = "merge".into();
                }
                Merge::Set => property["x-kubernetes-patch-strategy"] = "merge".into(),
            }
            let owned = match &about.holds {
                Type::List(_) => "x-kubernetes-list-type",
                _ => "x-kubernetes-map-type",
            };
            match &about.parts {
                Parts::Usual if matches!(about.holds, Type::List(_)) => property[owned] = "atomic".into(),
                Parts::Usual => {}
                Parts::Whole => property[owned] = "atomic".into(),
                Parts::Values => property[owned] = "set".into(),
                Parts::Items(keys) => {
                    property[owned] = "map".into();
                    property["x-kubernetes-list-map-keys"] = json!(keys);
                }
            }
            describe(&mut property, &said["properties"][*field], version);
            properties.insert((*field).to_owned(), property);
        }
        let mut schema = json!({"type": "object"});
        if schema::is_whole(name) {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        let kind = Kind::ALL.into_iter().find(|k| k.info().kind == *name);
        let named = kind.map(|k| (k.info().group, k.info().version)).or(match *name {
            "Binding" => Some(("", "v1")),
            "SelfSubjectReview" => Some(("authentication.k8s.io", "v1")),
            "SelfSubjectAccessReview" | "SelfSubjectRulesReview" => Some(("authorization.k8s.io", "v1")),
            "Eviction" => Some(("policy", "v1")),
            "Scale" => Some(("autoscaling", "v1")),
            _ => None,
        });
        if let Some((group, api_version)) = named {
            for field in ["apiVersion", "kind"] {
                let mut property = json!({"type": "string"});
                describe(&mut property, &said["properties"][field], version);
                properties.insert(field.to_owned(), property);
            }
            schema["x-kubernetes-group-version-kind"] = json!([{"group": group, "version": api_version, "kind": name}]);
        }
        schema["properties"] = Value::Object(properties);
        describe(&mut schema, said, version);
        all.insert(qualified(name), schema);
    }
    all
}

fn parameter(name: &str, of_type: &str, version: Version) -> Value {
    match version {
        Version::Two => json!({"name": name, "in": "query", "type": of_type, "uniqueItems": true}),
        Version::Three => json!({"name": name, "in": "query", "schema": {"type": of_type, "uniqueItems": true}}),
    }
}

fn operation(kind: Kind, action: &str, version: Version) -> Value {
    let info = kind.info();
    let names: &[(&str, &str)] = match action {
        "list" => &[
            ("labelSelector", "string"),
            ("fieldSelector", "string"),
            ("limit", "integer"),
            ("continue", "string"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("watch", "boolean"),
            ("allowWatchBookmarks", "boolean"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
        ],
        "patch" => {
            &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"), ("force", "boolean")]
        }
        "post" | "put" => &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")],
        "delete" | "deletecollection" => {
            &[("dryRun", "string"), ("gracePeriodSeconds", "integer"), ("propagationPolicy", "string")]
        }
        _ => &[],
    };
    let parameters: Vec<Value> = names.iter().map(|(name, of_type)| parameter(name, of_type, version)).collect();
    let reference = json!({"$ref": version.reference(info.kind)});
    let response = match version {
        Version::Two => json!({"description": "OK", "schema": reference}),
        Version::Three => json!({"description": "OK", "content": {"application/json": {"schema": reference}}}),
    };
    json!({
        "operationId": format!("{action}{}", info.kind),
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": info.group, "version": info.version, "kind": info.kind},
        "parameters": parameters,
        "responses": {"200": response},
    })
}

/// The paths of a group, or of all.
fn paths(version: Version, group: Option<&str>) -> Map<String, Value> {
    let mut paths = Map::new();
    for kind in Kind::ALL.into_iter().filter(|kind| group.is_none_or(|group| kind.info().group == group)) {
        let info = kind.info();
        let root = if info.group.is_empty() { "/api/" } else { "/apis/" };
        let home = if info.namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("{root}{}{home}/{}", info.api_version, info.plural);
        let operation = |action| operation(kind, action, version);
        paths.insert(
            format!("{collection}/{{name}}"),
            json!({
                "get": operation("get"), "put": operation("put"), "patch": operation("patch"),
                "delete": operation("delete"),
            }),
        );
        // Parts that are of the same kind as the whole.
        for part in discovery::parts(kind).iter().filter(|part| part.kind == info.kind && part.verbs.contains(&"patch"))
        {
            paths.insert(
                format!("{collection}/{{name}}/{}", part.name),
                json!({"get": operation("get"), "put": operation("put"), "patch": operation("patch")}),
            );
        }
        let mut many = json!({"get": operation("list"), "post": operation("post")});
        if kind != Kind::Namespace {
            many["delete"] = operation("deletecollection");
        }
        paths.insert(collection, many);
    }
    paths
}

fn info() -> Value {
    json!({"title": "Kubarium", "version": env!("CARGO_PKG_VERSION")})
}

/// Which documents there are: one for the core group and one for each of `groups`.
pub(super) fn index(groups: &[&str]) -> Value {
    let mut paths = Map::new();
    let names = groups.iter().map(|group| format!("apis/{group}/v1"));
    for name in std::iter::once("api/v1".to_owned()).chain(names) {
        let url = format!("/openapi/v3/{name}?hash={}", env!("CARGO_PKG_VERSION"));
        paths.insert(name, json!({"serverRelativeURL": url}));
    }
    json!({ "paths": paths })
}

/// A group, in version 3.
pub(super) fn version_3(group: &str) -> Value {
    let version = Version::Three;
    json!({
        "openapi": "3.0.0", "info": info(), "paths": paths(version, Some(group)),
        "components": {"schemas": schemas(version)},
    })
}

/// The empty document of version 2 as protocol buffers (`openapi.v2.Document`): `kubectl` reads no other form, and asks
/// for it only to find that a kind it does not know is not there.
pub(super) fn empty_version_2() -> String {
    // Fields: swagger (1), info (2) with title (1) and version (2), paths (8). Lengths below 128 are one byte.
    let field = |number: u8, content: &str| {
        let head = [char::from(number << 3 | 2), char::from(content.len().min(127) as u8)];
        format!("{}{}{content}", head[0], head[1])
    };
    let info = field(1, "Kubarium") + &field(2, env!("CARGO_PKG_VERSION"));
    field(1, "2.0") + &field(2, &info) + &field(8, "")
}

/// Everything, in version 2.
pub(super) fn version_2() -> Value {
    let version = Version::Two;
    json!({"swagger": "2.0", "info": info(), "paths": paths(version, None), "definitions": schemas(version)})
}
