//! Icons: strokes on a 16-pixel grid, in the colour of the text around them.

use yew::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IconName {
    Dashboard,
    Explore,
    Node,
    Pod,
    Controller,
    Service,
    Event,
    Scenario,
    Search,
    Sun,
    Moon,
    ThemeSystem,
    Play,
    Pause,
    Step,
    Close,
    ChevronLeft,
    ChevronRight,
    Plus,
    Minus,
    Fit,
    Warning,
    Console,
}

impl IconName {
    const fn path(self) -> &'static str {
        match self {
            Self::Dashboard => "M2 3h5v6H2zM9 3h5v3H9zM9 8h5v5H9zM2 11h5v2H2z",
            Self::Explore => "M2 3h4v4H2zM10 3h4v4h-4zM6 12a2 2 0 1 0 4 0a2 2 0 1 0-4 0M4 7v2l3 1.500M12 7v2l-3 1.500",
            Self::Node => "M2 3v10h12V3M2 8c2-1 4 1 6 0s4 1 6 0",
            Self::Pod => "M8 2l5.200 3v6L8 14l-5.200-3V5zM2.800 5L8 8l5.200-3M8 8v6",
            Self::Controller => "M4 2v12M8 2v12M12 2v12M2.500 10h3M6.500 5h3M10.500 8h3",
            Self::Service => "M2 8h4M6 8c3 0 3-4.500 6-4.500h2M6 8c3 0 3 4.500 6 4.500h2M6 8h8",
            Self::Event => "M3 4h10M3 8h10M3 12h6",
            Self::Scenario => "M2 4h12v9H2zM2 7h12M5 4L4 7M9 4L8 7M13 4l-1 3",
            Self::Search => "M7 3a4 4 0 1 0 0 8a4 4 0 1 0 0-8M10 10l4 4",
            Self::Sun => {
                "M8 5.500a2.500 2.500 0 1 0 0 5a2.500 2.500 0 1 0 0-5M8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.500 1.500M11.500 11.500L13 13M3 13l1.500-1.500M11.500 4.500L13 3"
            }
            Self::Moon => "M13 10A6 6 0 0 1 6 3a5.500 5.500 0 1 0 7 7z",
            Self::ThemeSystem => "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12M8 2v12M8 5h4.800M8 8h6M8 11h4.800",
            Self::Play => "M4 3l9 5l-9 5z",
            Self::Pause => "M5 3v10M11 3v10",
            Self::Step => "M3 3l7 5l-7 5zM13 3v10",
            Self::Close => "M4 4l8 8M12 4l-8 8",
            Self::ChevronLeft => "M10 3L5 8l5 5",
            Self::ChevronRight => "M6 3l5 5l-5 5",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Minus => "M3 8h10",
            Self::Fit => "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
            Self::Console => "M2 4l4 4l-4 4M8 12h6",
            Self::Warning => "M8 2l6.500 11.500h-13zM8 6v4M8 11.500v1",
        }
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct IconProps {
    pub(crate) name: IconName,
}

/// An icon. It says nothing to screen readers: the control around it has the words.
#[component]
pub(crate) fn Icon(props: &IconProps) -> Html {
    html! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d={props.name.path()} /></svg>
    }
}
