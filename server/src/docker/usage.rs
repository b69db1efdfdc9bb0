//! What the containers on a host use now, as its engine measures it.

use super::engine::{CALL_TIMEOUT, Engine, EngineError, limited};
use super::listing::named;
use bollard::models::{ContainerCpuStats, ContainerMemoryStats, ContainerStatsResponse, ContainerSummaryStateEnum};
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::{StreamExt as _, stream};
use kubarium_core::runtime::ContainerUsage;

/// How many containers an engine is asked about at once: it takes a second for each.
const CONCURRENT: usize = 64;

/// Asks about all running containers of ours on a host. Those that end meanwhile are left out.
pub(super) async fn of(engine: &Engine) -> Result<Vec<ContainerUsage>, EngineError> {
    let running = engine.list(None).await?.into_iter().filter_map(|summary| {
        let (pod, container) = named(&summary.labels?)?;
        let runs = summary.state == Some(ContainerSummaryStateEnum::RUNNING);
        Some((summary.id?, pod, container?.0)).filter(|_| runs)
    });
    let asked = running.map(|(id, pod, container)| async move {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(false).build();
        let mut answers = engine.docker.stats(&id, Some(options));
        let first = async { answers.next().await.transpose() };
        let stats = limited(CALL_TIMEOUT, first).await.ok()??;
        let (cpu_nanos, memory_bytes) = (cpu(&stats)?, memory(stats.memory_stats.as_ref()?)?);
        Some(ContainerUsage { pod: pod.uid, container, cpu_nanos, memory_bytes })
    });
    Ok(stream::iter(asked).buffer_unordered(CONCURRENT).filter_map(std::future::ready).collect().await)
}

/// The share of all the machine's cpu time since the sample before, times its cpus.
fn cpu(stats: &ContainerStatsResponse) -> Option<u64> {
    let of = |stats: &ContainerCpuStats| Some((stats.cpu_usage.as_ref()?.total_usage?, stats.system_cpu_usage?));
    let (now, before) = (stats.cpu_stats.as_ref()?, stats.precpu_stats.as_ref()?);
    let ((used, all), (used_before, all_before)) = (of(now)?, of(before)?);
    let passed = all.checked_sub(all_before).filter(|passed| *passed > 0)?;
    let own = used.saturating_sub(used_before);
    let cpus = u128::from(now.online_cpus.unwrap_or(1).max(1));
    u64::try_from(u128::from(own) * cpus * 1_000_000_000 / u128::from(passed)).ok()
}

/// All but the files that were read once and not since, as kubelets count it.
fn memory(stats: &ContainerMemoryStats) -> Option<u64> {
    let idle = ["inactive_file", "total_inactive_file"];
    let idle = idle.iter().find_map(|name| stats.stats.as_ref()?.get(*name)).copied().unwrap_or_default();
    Some(stats.usage?.saturating_sub(idle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn usage_is_a_share_of_what_passed() {
        let sample = |used: u64, all: u64| json!({"cpu_usage": {"total_usage": used}, "system_cpu_usage": all, "online_cpus": 4});
        for (before, now, nanos) in [
            (sample(0, 0), sample(1_000_000_000, 4_000_000_000), Some(1_000_000_000)),
            (sample(5, 100), sample(5, 200), Some(0)),
            (sample(10, 100), sample(35, 200), Some(1_000_000_000)),
            (sample(10, 100), sample(20, 100), None),
            (json!({}), sample(20, 100), None),
        ] {
            let stats = serde_json::from_value(json!({"precpu_stats": before, "cpu_stats": now})).unwrap();
            assert_eq!(cpu(&stats), nanos, "{stats:?}");
        }
        let stats = serde_json::from_value(json!({"usage": 5_000, "stats": {"total_inactive_file": 1_000}})).unwrap();
        assert_eq!(memory(&stats), Some(4_000));
    }
}
