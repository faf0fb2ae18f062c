"""Clinical courses, each told by a function on a `Chart`: what happens, when, where and with whom."""
