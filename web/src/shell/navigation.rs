//! The navigation: at the left, icons only where wished, at the lower edge of a phone.

use crate::components::{Icon, IconName};
use crate::state::{Page, use_address, use_navigator, use_settings};
use crate::text::Text;
use yew::prelude::*;

const fn face(page: Page) -> (Text, Text, IconName) {
    match page {
        Page::Dashboard => (Text::Dashboard, Text::Dashboard, IconName::Dashboard),
        Page::Explore => (Text::Explore, Text::Explore, IconName::Explore),
        Page::Nodes => (Text::Nodes, Text::Nodes, IconName::Node),
        Page::Pods => (Text::Pods, Text::Pods, IconName::Pod),
        Page::Controllers => (Text::Controllers, Text::ControllersShort, IconName::Controller),
        Page::Services => (Text::Services, Text::Services, IconName::Service),
        Page::Events => (Text::Events, Text::Events, IconName::Event),
    }
}

#[component]
pub(super) fn Navigation() -> Html {
    let settings = use_settings();
    let address = use_address();
    let navigator = use_navigator();
    let t = |text| settings.language.text(text);
    let narrow_text = t(if settings.narrow { Text::WidenNavigation } else { Text::NarrowNavigation });
    let toggle = {
        let settings = settings.clone();
        Callback::from(move |_| {
            let mut next = settings.clone();
            next.narrow = !next.narrow;
            settings.change.emit(next);
        })
    };
    html! {
        <nav class="navigation" aria-label={t(Text::NavigationLabel)}>
            { for Page::ALL.into_iter().zip(1..).map(|(page, number)| {
                let (long, short, icon) = face(page);
                let target = address.on(page);
                let href = target.fragment();
                let onclick = {
                    let navigator = navigator.clone();
                    Callback::from(move |event: MouseEvent| {
                        // A new tab is the browser's affair.
                        if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
                            event.prevent_default();
                            navigator.go(target.clone());
                        }
                    })
                };
                html! {
                    <a
                        key={page.as_str()} {href} {onclick} data-testid={format!("nav-{}", page.as_str())}
                        aria-current={(address.page == page).then_some("page")}
                        title={format!("{} ({number})", t(long))}
                    >
                        <Icon name={icon} />
                        <span class="navigation-long">{ t(long) }</span>
                        <span class="navigation-short">{ t(short) }</span>
                    </a>
                }
            }) }
            <button class="quiet icon-only navigation-toggle" onclick={toggle} title={narrow_text} aria-label={narrow_text}>
                <Icon name={if settings.narrow { IconName::ChevronRight } else { IconName::ChevronLeft }} />
            </button>
        </nav>
    }
}
