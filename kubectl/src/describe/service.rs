//! Services, and the addresses behind them.

use super::base::{joined, plain_or};
use super::page::Page;
use crate::call::Call;
use crate::go::{items, number, text};
use serde_json::Value;

/// How many addresses behind a port are shown.
const ADDRESSES_SHOWN: usize = 3;

pub(super) async fn describe(call: &Call<'_>, page: &mut Page, service: &Value) {
    let words = |pointer: &str| {
        let words: Vec<&str> = items(service, pointer).iter().filter_map(Value::as_str).collect();
        words.join(",")
    };
    let or_none = |words: String| if words.is_empty() { "<none>".to_owned() } else { words };
    page.begin(service);
    page.row(0, "Selector", &joined(service, "/spec/selector"));
    page.field("Type", service, "/spec/type");
    page.row_if(0, "IP Family Policy", text(service, "/spec/ipFamilyPolicy"));
    page.row(0, "IP Families", &or_none(words("/spec/ipFamilies")));
    page.field("IP", service, "/spec/clusterIP");
    page.row(0, "IPs", &or_none(words("/spec/clusterIPs")));
    page.row_if(0, "External IPs", &words("/spec/externalIPs"));
    page.row_if(0, "Desired LoadBalancer IP", text(service, "/spec/loadBalancerIP"));
    page.row_if(0, "External Name", text(service, "/spec/externalName"));
    let ingress = items(service, "/status/loadBalancer/ingress").iter().map(|ingress| match text(ingress, "/ip") {
        "" => text(ingress, "/hostname"),
        ip => ip,
    });
    page.row_if(0, "LoadBalancer Ingress", &ingress.collect::<Vec<_>>().join(", "));
    let slices = slices(call, service).await;
    for port in items(service, "/spec/ports") {
        let name = match text(port, "/name") {
            "" => "<unset>",
            name => name,
        };
        let protocol = match text(port, "/protocol") {
            "" => "TCP",
            protocol => protocol,
        };
        page.row(0, "Port", &format!("{name}\t{}/{protocol}", number(port, "/port")));
        page.row(0, "TargetPort", &format!("{}/{protocol}", plain_or(&port["targetPort"], "0")));
        if number(port, "/nodePort") != 0 {
            page.row(0, "NodePort", &format!("{name}\t{}/{protocol}", number(port, "/nodePort")));
        }
        page.row(0, "Endpoints", &behind(&slices, text(port, "/name")));
    }
    page.field("Session Affinity", service, "/spec/sessionAffinity");
    page.row_if(0, "External Traffic Policy", text(service, "/spec/externalTrafficPolicy"));
    page.row_if(0, "Internal Traffic Policy", text(service, "/spec/internalTrafficPolicy"));
    page.row_if(0, "LoadBalancer Source Ranges", &words("/spec/loadBalancerSourceRanges"));
}

/// The endpoint slices of a service.
async fn slices(call: &Call<'_>, service: &Value) -> Vec<Value> {
    let namespace = crate::api::encoded(text(service, "/metadata/namespace"));
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
    let selector = format!("kubernetes.io/service-name={}", text(service, "/metadata/name"));
    let found = call.get(&path, &[("labelSelector", &selector)], "application/json").await;
    found.map(|list| items(&list, "/items").to_vec()).unwrap_or_default()
}

/// The ready addresses behind the port of that name.
fn behind(slices: &[Value], name: &str) -> String {
    let mut shown = Vec::new();
    let mut count = 0;
    for slice in slices {
        for port in items(slice, "/ports").iter().filter(|port| text(port, "/name") == name) {
            for endpoint in items(slice, "/endpoints") {
                if endpoint.pointer("/conditions/ready") == Some(&Value::Bool(false)) {
                    continue;
                }
                for address in items(endpoint, "/addresses").iter().filter_map(Value::as_str) {
                    count += 1;
                    if shown.len() < ADDRESSES_SHOWN {
                        let port = number(port, "/port");
                        shown.push(if address.contains(':') {
                            format!("[{address}]:{port}")
                        } else {
                            format!("{address}:{port}")
                        });
                    }
                }
            }
        }
    }
    let shown_now = shown.join(",");
    if count > shown.len() { format!("{shown_now} + {} more...", count - shown.len()) } else { shown_now }
}

/// Endpoints.
pub(super) fn endpoints(page: &mut Page, object: &Value) {
    page.begin(object);
    page.line(0, "Subsets:");
    for subset in items(object, "/subsets") {
        for (label, pointer) in [("Addresses", "/addresses"), ("NotReadyAddresses", "/notReadyAddresses")] {
            let all: Vec<&str> = items(subset, pointer).iter().map(|address| text(address, "/ip")).collect();
            page.row(1, label, if all.is_empty() { "<none>".to_owned() } else { all.join(",") }.as_str());
        }
        let ports = items(subset, "/ports");
        if !ports.is_empty() {
            page.line(1, "Ports:");
            page.line(2, "Name\tPort\tProtocol");
            page.line(2, "----\t----\t--------");
            for port in ports {
                let name = match text(port, "/name") {
                    "" => "<unset>",
                    name => name,
                };
                page.line(2, &format!("{name}\t{}\t{}", number(port, "/port"), text(port, "/protocol")));
            }
        }
        page.line(0, "");
    }
}
