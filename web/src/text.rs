//! Every word the page says, in each of its languages: one table, one row per text.
//!
//! Texts with `{0}`, `{1}` and so on take values through [`Language::fill`]. Kubernetes' own terms (Pod, Node,
//! ReplicationController, phases, reasons) are kept in both languages where kubectl shows them.

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    /// Its tag.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// The language that fits a tag best.
    pub(crate) fn parse(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("zh") { Self::Chinese } else { Self::English }
    }

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    /// A text in this language.
    pub(crate) fn text(self, text: Text) -> &'static str {
        let (english, chinese) = text.row();
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// A text in this language with values in it.
    pub(crate) fn fill(self, text: Text, values: &[&str]) -> String {
        let mut filled = self.text(text).to_owned();
        for (index, value) in values.iter().enumerate() {
            filled = filled.replace(&format!("{{{index}}}"), value);
        }
        filled
    }
}

macro_rules! texts {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// A text of the page.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Text { $($name,)* }

        impl Text {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)*];

            const fn row(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($english, $chinese),)* }
            }
        }
    };
}

texts! {
    // Navigation
    Dashboard: "Dashboard", "仪表盘";
    Explore: "Explore", "探索";
    Nodes: "Nodes", "节点";
    Pods: "Pods", "Pod";
    Controllers: "Replication Controllers", "副本控制器";
    ControllersShort: "Controllers", "控制器";
    Services: "Services", "服务";
    Events: "Events", "事件";
    NavigationLabel: "Pages", "页面";
    NarrowNavigation: "Narrow navigation", "收起导航";
    WidenNavigation: "Widen navigation", "展开导航";
    // Header
    WorldLabel: "Which cluster is shown", "显示哪个集群";
    Simulation: "Simulation", "模拟";
    Live: "Live", "实时";
    Search: "Search pods, nodes, labels", "搜索 Pod、节点、标签";
    SwitchLanguage: "中文", "English";
    ThemeSystem: "Theme: system", "主题：跟随系统";
    ThemeLight: "Theme: light", "主题：浅色";
    ThemeDark: "Theme: dark", "主题：深色";
    VirtualTime: "Virtual time", "虚拟时间";
    SkipToContent: "Skip to content", "跳到内容";
    // Time
    Play: "Play", "播放";
    Pause: "Pause", "暂停";
    Step: "Step", "单步";
    Speed: "Speed", "速度";
    SpeedReached: "{0} of {1} reached: there is more to do than this machine can", "已达 {0}（目标 {1}）：工作量超出本机能力";
    TimeControls: "Time controls", "时间控制";
    // Connection
    Connecting: "Connecting", "正在连接";
    Stale: "What you see is old: {0}. Trying again.", "显示的内容已过时：{0}。正在重试。";
    // Pod states
    StatePending: "Pending", "等待中";
    StateStarting: "Starting", "启动中";
    StateReady: "Ready", "就绪";
    StateNotReady: "Not ready", "未就绪";
    StateCrashLooping: "Crash looping", "反复崩溃";
    StateTerminating: "Terminating", "正在终止";
    StateFailed: "Failed", "失败";
    StateSucceeded: "Succeeded", "成功";
    StateGhost: "Would be placed", "将被放置";
    // Map
    MapLabel: "Cluster map. Arrow keys move between nodes and pods, Enter opens, Escape closes.", "集群地图。方向键在节点和 Pod 间移动，Enter 打开，Esc 关闭。";
    MapTwin: "Cluster map as a table", "集群地图的表格形式";
    Node: "Node", "节点";
    Zone: "Zone", "区域";
    Readiness: "Readiness", "就绪状态";
    Cpu: "CPU", "CPU";
    Memory: "Memory", "内存";
    NodeReady: "Ready", "就绪";
    NodeNotReady: "NotReady", "未就绪";
    NodeUnknown: "Unknown", "未知";
    Cordoned: "Cordoned", "已封锁";
    GraceIn: "NotReady in {0}", "{0} 后 NotReady";
    EvictionIn: "Eviction in {0}", "{0} 后驱逐";
    ReplacementIn: "Replacement in {0}", "{0} 后替换";
    PendingPods: "{0} pending", "{0} 个等待中";
    NoNodes: "No nodes yet.", "还没有节点。";
    ZoomIn: "Zoom in", "放大";
    ZoomOut: "Zoom out", "缩小";
    ZoomFit: "Fit", "适应";
    Replacing: "{0} being replaced", "正在替换 {0} 个";
    NothingPending: "No pod is waiting for a node.", "没有等待节点的 Pod。";
    NodeGone: "gone", "已移除";
    ReadyOf: "{0} of {1} ready", "{0}/{1} 就绪";
    MoreNodes: "Nodes beyond the first 200 are on the page Nodes.", "前 200 个以外的节点请见“节点”页面。";
    Legend: "Legend", "图例";
    // Actions
    CordonedNode: "{0} takes no new pods", "{0} 不再接受新的 Pod";
    UncordonedNode: "{0} takes new pods again", "{0} 重新接受新的 Pod";
    DeletedPod: "{0} is being deleted", "正在删除 {0}";
    NodeIsOff: "{0} is off", "{0} 已断电";
    NodeIsBack: "{0} comes back", "{0} 正在恢复";
    Partition: "Cut off from the network", "断开网络";
    CrashContainer: "Crash a container", "使容器崩溃";
    NodeIsCutOff: "{0} is cut off from the network", "{0} 已与网络断开";
    CrashedContainer: "A container of {0} ends", "{0} 的一个容器已结束";
    MenuLabel: "Actions", "操作";
    FailNode: "Fail node", "使节点失效";
    RecoverNode: "Bring node back", "恢复节点";
    Cordon: "Cordon", "封锁";
    Uncordon: "Uncordon", "解除封锁";
    OpenInInspector: "Open", "打开";
    DeletePod: "Delete pod", "删除 Pod";
    Close: "Close", "关闭";
    Dismiss: "Dismiss", "知道了";
    Undo: "Undo", "撤销";
    Redo: "Redo", "重做";
    // Scaling
    ScaleHandle: "Replicas of {0}", "{0} 的副本数";
    Scaled: "{0} scaled from {1} to {2}", "{0} 已从 {1} 调整到 {2}";
    WouldPlace: "{0} placed", "放置 {0}";
    WouldPend: "{0} pending", "等待 {0}";
    WouldLeave: "{0} leaving", "离开 {0}";
    DragToScale: "Drag, or use the arrow keys. Escape cancels.", "拖动或使用方向键。Esc 取消。";
    ControllersBar: "Replication controllers", "副本控制器";
    // Help
    Shortcuts: "Keyboard shortcuts", "键盘快捷键";
    KeyPlay: "Play or pause", "播放或暂停";
    KeySpeed: "Slower, faster", "减速、加速";
    KeyMove: "Move on the map; scale on a handle", "在地图上移动；在手柄上调整副本数";
    KeyEscape: "Cancel, close, deselect", "取消、关闭、取消选择";
    KeyFail: "Fail the selected node, or bring it back", "使所选节点失效或恢复";
    KeyCordon: "Cordon or uncordon the selected node", "封锁或解除封锁所选节点";
    KeyZoom: "Zoom in, zoom out, fit", "放大、缩小、适应";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_takes_the_same_values_in_both_languages() {
        for text in Text::ALL {
            let (english, chinese) = text.row();
            for value in ["{0}", "{1}", "{2}"] {
                assert_eq!(english.contains(value), chinese.contains(value), "{text:?}: {value}");
            }
            assert!(!english.contains('!') && !chinese.contains('！'), "{text:?}: no exclamation marks");
        }
    }

    #[test]
    fn the_language_fits_the_browsers_tag() {
        assert_eq!(
            ["zh", "zh-TW", "ZH-hans", "en-GB", "", "de"].map(|tag| Language::parse(tag).code()),
            ["zh-CN", "zh-CN", "zh-CN", "en", "en", "en"]
        );
    }
}
