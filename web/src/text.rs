//! Every word the page says, in each of its languages: one table, one row per text.
//!
//! Texts with `{0}`, `{1}` and so on take values through [`Language::fill`]. Kubernetes' own terms (Pod, Node,
//! `ReplicationController`, phases, reasons) are kept in both languages where kubectl shows them.

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

    /// What stands between two sentences.
    pub(crate) const fn space(self) -> &'static str {
        match self {
            Self::English => " ",
            Self::Chinese => "",
        }
    }

    /// What stands between the items of a list.
    pub(crate) const fn comma(self) -> &'static str {
        match self {
            Self::English => ", ",
            Self::Chinese => "、",
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
    Scenarios: "Scenarios", "场景";
    ScenarioOf: "Scenario: {0}", "场景：{0}";
    OwnScenario: "Own scenario", "自定义场景";
    PasteScenario: "Or your own: paste a scenario, or drop a file here.", "或使用自己的场景：粘贴内容，或把文件拖到这里。";
    PlayScenario: "Play", "播放";
    ScenarioTooLong: "this browser has no room to keep a scenario of this length", "此浏览器没有空间保存这么长的场景";
    ScenarioUnreadable: "The scenario of this address cannot be played. {0}", "无法播放此地址中的场景。{0}";
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
    ServerShown: "The server whose cluster is shown", "正在显示其集群的服务器";
    StaleSince: "This is how it was at {0}.", "这是 {0} 时的情况。";
    NoLiveCluster: "There is no live cluster here.", "此处没有实时集群。";
    ServerSilent: "No server answers at {0}; kubarium serve starts one. Trying again by itself.", "{0} 没有服务器应答；可用 kubarium serve 启动。正在自动重试。";
    ServerSays: "The server says: {0}. Trying again by itself.", "服务器的回答：{0}。正在自动重试。";
    SimulationStopped: "The simulation has stopped.", "模拟已停止。";
    ConnectNow: "Try now", "立即重试";
    Connect: "Connect", "连接";
    Token: "Token", "令牌";
    TokenNeeded: "This server asks for a token.", "此服务器需要令牌。";
    TokenWhere: "kubarium token prints it on the server's machine.", "在服务器所在的机器上用 kubarium token 打印。";
    TokenRefused: "That is not the token of this server.", "这不是此服务器的令牌。";
    // Pod states
    StatePending: "Pending", "等待中";
    StateStarting: "Starting", "启动中";
    StateReady: "Ready", "就绪";
    StateNotReady: "Not ready", "未就绪";
    StateCrashLooping: "Crash looping", "反复崩溃";
    StateTerminating: "Terminating", "正在终止";
    StateFailed: "Failed", "失败";
    StateSucceeded: "Succeeded", "成功";
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
    PendingPods: "{0} pending", "{0} 个等待中";
    NoNodes: "No nodes yet.", "还没有节点。";
    ZoomIn: "Zoom in", "放大";
    ZoomOut: "Zoom out", "缩小";
    ZoomFit: "Fit", "适应";
    Replacing: "{0} being replaced", "正在替换 {0} 个";
    NothingPending: "No pod is waiting for a node.", "没有等待节点的 Pod。";
    NodeGone: "gone", "已移除";
    AllReady: "{0} ready", "{0} 就绪";
    ReadyOf: "{0} of {1} ready", "{0}/{1} 就绪";
    MoreNodes: "Nodes beyond the first 200 are on the page Nodes.", "前 200 个以外的节点请见“节点”页面。";
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
    // Lists
    Name: "Name", "名称";
    Namespace: "Namespace", "命名空间";
    AllNamespaces: "All namespaces", "所有命名空间";
    State: "State", "状态";
    AllStates: "All states", "所有状态";
    Labels: "Labels", "标签";
    ClearFilter: "Remove this filter", "移除此筛选";
    ReadyContainers: "Ready", "就绪";
    Restarts: "Restarts", "重启次数";
    Address: "Address", "地址";
    Age: "Age", "存在时间";
    Version: "Version", "版本";
    Desired: "Desired", "期望";
    Current: "Current", "当前";
    Images: "Images", "镜像";
    Selector: "Selector", "选择器";
    Type: "Type", "类型";
    ClusterIp: "Cluster IP", "集群 IP";
    Ports: "Ports", "端口";
    ReadyEndpoints: "Ready endpoints", "就绪端点";
    Object: "Object", "对象";
    LastSeen: "Last seen", "最近一次";
    Reason: "Reason", "原因";
    Message: "Message", "消息";
    Count: "Count", "次数";
    Source: "Source", "来源";
    ShownOf: "{0} of {1}", "{0} / {1}";
    NoPods: "No pods yet. Create some from YAML, or scale a controller.", "还没有 Pod。可从 YAML 创建，或调整控制器副本数。";
    NoControllers: "No replication controllers yet. Create one from YAML.", "还没有副本控制器。可从 YAML 创建。";
    NoServices: "No services yet. Create one from YAML.", "还没有服务。可从 YAML 创建。";
    NoEvents: "Nothing has happened yet.", "还没有发生任何事。";
    NothingMatches: "Nothing matches the search and filters.", "没有符合搜索和筛选的内容。";
    // Explore
    GroupBy: "Group by label", "按标签分组";
    WithoutLabel: "without this label", "没有此标签";
    OnNodes: "on {0} nodes", "分布在 {0} 个节点";
    // Create
    CreateFromYaml: "Create from YAML", "从 YAML 创建";
    PasteYaml: "Paste YAML or JSON, or drop a file here. Several documents are separated by ---.", "粘贴 YAML 或 JSON，或把文件拖到这里。多个文档用 --- 分隔。";
    ChooseFile: "Choose a file", "选择文件";
    Create: "Create", "创建";
    Created: "{0} created", "已创建 {0} 个";
    GoToLine: "Go to this line", "跳到这一行";
    // Inspector
    Details: "Details", "详情";
    Overview: "Overview", "概览";
    Yaml: "YAML", "YAML";
    Conditions: "Conditions", "状况";
    Containers: "Containers", "容器";
    Annotations: "Annotations", "注解";
    RestartedTimes: "Restarted {0} times", "已重启 {0} 次";
    ObjectGone: "{0} {1} is not there, or not there any more.", "{0} {1} 不存在或已不存在。";
    NoNodeYet: "it has no node yet", "还没有节点";
    OnNode: "on {0}", "在 {0} 上";
    Requests: "Requests {0} CPU and {1} memory", "请求 {0} CPU 和 {1} 内存";
    NodeSentence: "{0}: {1} pods; {2} CPU and {3} memory are free.", "{0}：{1} 个 Pod；空闲 {2} CPU 和 {3} 内存。";
    CordonedSentence: "Cordoned: it takes no new pods.", "已封锁：不接收新的 Pod。";
    ControllerSentence: "Wants {0} pods: {1} are there, {2} are ready.", "期望 {0} 个 Pod：现有 {1} 个，就绪 {2} 个。";
    ServiceSentence: "Requests to {0} go to {1} ready pods.", "发往 {0} 的请求由 {1} 个就绪的 Pod 处理。";
    ServiceBare: "Requests to {0} are refused: no ready pod matches the selector.", "发往 {0} 的请求被拒绝：没有就绪的 Pod 符合选择器。";
    Changed: "{0} {1} changed", "已更改 {0} {1}";
    DropChanges: "Drop changes", "放弃更改";
    Apply: "Apply", "应用";
    PartitionNode: "Cut off from the network", "断开网络";
    NodeCutOff: "{0} is cut off; its pods go on unseen", "{0} 已断网；其 Pod 在看不到的地方继续运行";
    Drain: "Drain", "排空";
    DrainHint: "Cordons the node and evicts its pods. Evictions cannot be undone; controllers replace the pods.", "封锁节点并驱逐其上的 Pod。驱逐不可撤销；控制器会补上新的 Pod。";
    DeletePodHint: "This cannot be undone. A controller replaces the pod.", "不可撤销。控制器会补上新的 Pod。";
    OneMore: "One more replica", "增加一个副本";
    OneLess: "One replica less", "减少一个副本";
    WhyHere: "Why here", "为何在此";
    WhyPending: "Why pending", "为何等待";
    AskRemedies: "What would place it?", "怎样才能放下它？";
    AskFit: "How many more fit?", "还能放下多少副本？";
    AskSurvival: "Is the loss of any one node survived?", "失去任一节点能承受吗？";
    AskPairs: "And of any two nodes?", "任意两个节点呢？";
    Asking: "Trying it in a copy of the cluster…", "正在集群的副本中尝试…";
    PlayedAgain: "Making a copy of the cluster by playing again what happened so far…", "正在重放目前为止的经过，以制作集群的副本…";
    AsAt: "As it was at {0}.", "这是 {0} 时的情况。";
    InPlaceOf: "in the place of {0}", "取代 {0}";
    AnyRemedy: "Any one of these would do:", "以下任一办法都行：";
    NoRemedy: "Nothing that was tried would place it.", "试过的办法都放不下它。";
    MoreFit: "Room for {0} more.", "还能放下 {0} 个。";
    NoneFits: "Not one more fits.", "再也放不下一个。";
    NextRefused: "The next one is refused: {0}", "再多一个会被拒绝：{0}";
    Survived: "Yes: every node was tried, and its replicas found another.", "能：已逐一尝试每个节点，其副本都有去处。";
    NotSurvived: "No: {0} of {1} nodes cannot be lost without leaving pods homeless.", "不能：{1} 个节点中有 {0} 个不能失去，否则会有 Pod 无处可去。";
    PairsSurvived: "Yes: whichever two nodes are lost, their replicas find others.", "能：无论失去哪两个节点，其副本都有去处。";
    PairsNotSurvived: "No: {0} of {1} pairs of nodes cannot be lost without leaving pods homeless.", "不能：{1} 对节点中有 {0} 对不能失去，否则会有 Pod 无处可去。";
    PairsLeft: "Not found to fail, but {0} of {1} pairs of nodes were not tried.", "未发现问题，但 {1} 对节点中有 {0} 对未尝试。";
    Homeless: "{0} homeless: {1}", "{0} 个无处可去：{1}";
    AndMore: " and {0} more", "等，另有 {0} 个";
    BarePods: "Kept by no controller, so gone with their node: {0} pods.", "没有控制器、会随节点消失的 Pod：{0} 个。";
    MoreLosses: "and {0} more; `kubarium survive` lists them all", "另有 {0} 个；`kubarium survive` 会全部列出";
    ManyNodes: "{0} nodes", "{0} 个节点";
    ShowMore: "Show {0} of {1} more", "再显示 {1} 个中的 {0} 个";
    Preempts: "On {0}, room is made for it by {1}.", "在 {0} 上，{1} 为它让位。";
    WhyNodes: "How every node stands to this pod now", "各节点目前对此 Pod 的态度";
    ScoreNow: "Score now", "当前得分";
    WhyBest: "{0} scores best of {1} nodes that fit: {2}, ahead of {4} by {3}.", "在 {1} 个可用节点中 {0} 得分最高：{2}，领先 {4} {3} 分。";
    WhyTie: "{0} scores best of {1} nodes that fit: {2}, as many as {3}; the seed decided.", "在 {1} 个可用节点中 {0} 得分最高：{2}，与 {3} 相同；由种子决定。";
    WhyBehind: "{0} scores {1}, and {2} would score more by {3}.", "{0} 得分 {1}，而 {2} 会高出 {3} 分。";
    WhyOnly: "{0} is the only node that fits.", "{0} 是唯一可用的节点。";
    WhyTurn: "{0} was next in turn of {1} nodes that fit.", "在 {1} 个可用节点中轮到 {0}。";
    WhyNone: "No node takes it.", "没有节点接收它。";
    WhyRoom: "{0} nodes would take it.", "有 {0} 个节点可接收它。";
    WhyForgotten: "The decision was made before a restart and is not known any more; this is how things are now.", "决定是在重启之前做出的，已不再知晓；以下是目前的情况。";
    WhyRefused: "Refused by {0} of {1} nodes: {2}.", "被 {1} 个节点中的 {0} 个拒绝：{2}。";
    WaitsInLine: "It is tried next.", "即将尝试。";
    WaitsBackOff: "It is tried again in {0}.", "{0} 后再次尝试。";
    WaitsForChange: "It is tried again when something changes that can help, in {0} at the latest.", "当有助于调度的变化出现时会再次尝试，最迟 {0} 后。";
    WaitsGated: "It waits for its scheduling gates to be removed.", "等待其调度门被移除。";
    TooLittle: "too little {0}", "{0} 不足";
    IsCordoned: "cordoned", "已封锁";
    OtherNodeNamed: "the pod names another node", "Pod 指定了其他节点";
    TaintNotTolerated: "taint not tolerated", "污点不被容忍";
    AffinityExcludes: "not matched by node selector or affinity", "不符合节点选择器或亲和性";
    PortTaken: "host port taken", "主机端口已被占用";
    TooManyPods: "no room for another pod", "无法再容纳 Pod";
    NeedsOf: "needs {0}, {1} of {2} in use", "需要 {0}，已用 {1}（共 {2}）";
    HasNone: "the node has none", "此节点没有";
    ScoreFree: "free", "空闲";
    ScoreBalance: "balance", "均衡";
    Fits: "fits", "可用";
    // Charts
    ChartsLabel: "Charts over time", "随时间变化的图表";
    ChartPods: "Pods by state", "各状态的 Pod";
    ChartNodes: "Requested of all nodes", "所有节点已请求的份额";
    ChartRequests: "Requests to services", "对服务的请求";
    Answered: "Answered", "已响应";
    Lost: "Lost", "丢失";
    // Live
    DockerHosts: "Docker hosts", "Docker 主机";
    FirstHost: "This cluster has no nodes yet", "此集群还没有节点";
    FirstHostHow: "Add a Docker host, and it becomes a node.", "添加一台 Docker 主机，它就成为一个节点。";
    FirstHostServe: "Or name it when you start the server:", "也可以在启动服务器时指定：";
    HostOwn: "the server's own machine", "服务器本机";
    HostPlain: "another machine, open to whoever reaches the port", "另一台主机，任何能连到该端口的人都能控制";
    HostTls: "another machine with TLS; the files are the server's", "使用 TLS 的另一台主机；文件在服务器上";
    HostConnected: "connected", "已连接";
    HostFixed: "named at start", "启动时指定";
    HostFixedHint: "It comes from --docker or the configuration file; remove it there.", "来自 --docker 或配置文件；请在那里移除。";
    Endpoint: "Endpoint", "端点";
    AddHost: "Add host", "添加主机";
    Remove: "Remove", "移除";
    RemoveHostHint: "Its node goes, and controllers replace the pods elsewhere. Containers on the host go on running: drain the node first to end them.", "其节点会消失，控制器在别处补上 Pod。主机上的容器继续运行：如要结束，请先排空该节点。";
    Logs: "Logs", "日志";
    NoLogs: "Nothing was written yet.", "还没有输出。";
    Container: "Container", "容器";
    // Console
    Console: "kubectl console", "kubectl 控制台";
    ConsoleLog: "Output", "输出";
    ConsoleInput: "Command", "命令";
    ConsoleKeys: "Tab completes · ↑ ↓ what was typed before · Ctrl C stops · help lists the commands", "Tab 补全 · ↑ ↓ 历史命令 · Ctrl C 停止 · help 列出命令";
    ConsoleLive: "Commands go to the live cluster.", "命令作用于实际集群。";
    ConsoleSimulation: "Commands go to the simulated cluster, as it is now.", "命令作用于当前的模拟集群。";
    ConsoleBroken: "The console could not be loaded. Reload the page to try again.", "无法加载控制台。请重新加载页面再试。";
    ConsolePaste: "Paste or write the manifest", "粘贴或编写清单";
    ConsoleEdit: "Change it, then send it", "修改后发送";
    ConsoleSend: "Send", "发送";
    Stop: "Stop", "停止";
    Clear: "Clear", "清除";
    Cancel: "Cancel", "取消";
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
            for value in ["{0}", "{1}", "{2}", "{3}", "{4}"] {
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
