//! WebSub (rule C39): from what a feed advertises to news that is pushed, and back to polling when a hub fails.

mod door;
mod subscription;
