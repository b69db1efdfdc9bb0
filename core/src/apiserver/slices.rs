//! Endpoint slices, as newer clients ask for them: a view of the endpoints, computed when asked and stored nowhere.

use super::errors;
use super::query::Query;
use crate::api::{self, ApiError, Body, Kind, Object, Selector};
use crate::store::Store;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The endpoint slices of a namespace, or of all.
pub(super) fn list(store: &Store, namespace: Option<&str>, query: &Query) -> Result<Value, ApiError> {
    let selector = Selector::parse(query.text("labelSelector")).map_err(|e| errors::bad_request(e.0))?;
    let items: Vec<Value> = store.list(Kind::Endpoints, namespace).flat_map(|e| of(e, &selector)).collect();
    Ok(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList",
        "metadata": {"resourceVersion": store.revision().to_string()}, "items": items,
    }))
}

fn of(endpoints: &Object, selector: &Selector) -> Vec<Value> {
    let Body::Endpoints { subsets } = &endpoints.body else { return Vec::new() };
    let mut labels: BTreeMap<String, String> = BTreeMap::clone(&endpoints.meta.labels);
    labels.insert(SERVICE_NAME.to_owned(), endpoints.meta.name.to_string());
    if !selector.matches(&labels) {
        return Vec::new();
    }
    let meta = endpoints.meta.to_value();
    let slice = |(index, subset): (usize, &k8s_openapi::api::core::v1::EndpointSubset)| {
        let both = [(true, &subset.addresses), (false, &subset.not_ready_addresses)];
        let addresses = both.into_iter().flat_map(|(ready, list)| list.iter().flatten().map(move |a| (ready, a)));
        let addresses: Vec<Value> = addresses
            .map(|(ready, address)| {
                let mut endpoint = json!({
                    "addresses": [address.ip],
                    "conditions": {"ready": ready, "serving": ready, "terminating": false},
                });
                for (key, value) in
                    [("nodeName", json!(address.node_name)), ("targetRef", api::encode(&address.target_ref))]
                {
                    if !value.is_null() {
                        endpoint[key] = value;
                    }
                }
                endpoint
            })
            .collect();
        let mut ports = api::encode(&subset.ports);
        for port in ports.as_array_mut().into_iter().flatten() {
            // kubectl takes it for granted that a port has a name, and be it none.
            if port["name"].is_null() {
                port["name"] = "".into();
            }
        }
        json!({
            "metadata": {
                "name": format!("{}-{index}", endpoints.meta.name), "namespace": meta["namespace"], "labels": labels,
                "uid": meta["uid"], "resourceVersion": meta["resourceVersion"],
                "creationTimestamp": meta["creationTimestamp"],
            },
            "addressType": "IPv4", "endpoints": addresses, "ports": ports,
        })
    };
    // As upstream: where there is nobody yet, one slice says so.
    let nobody = [k8s_openapi::api::core::v1::EndpointSubset::default()];
    let subsets = if subsets.is_empty() { nobody.as_slice() } else { subsets.as_slice() };
    subsets.iter().enumerate().map(slice).collect()
}
