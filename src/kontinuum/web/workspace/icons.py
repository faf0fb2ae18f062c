"""The few drawings of the workspace, 16 by 16, drawn for it; each is the inside of an `svg` element."""

from __future__ import annotations

from typing import Final

ICONS: Final = {
    "search": '<circle cx="7" cy="7" r="4.25"/><path d="m10.2 10.2 3.3 3.3"/>',
    "alert": '<path d="M8 2.2 14.3 13H1.7L8 2.2Z"/><path d="M8 6.4v3.1M8 11.4v.1"/>',
    "shield": '<path d="M8 1.8 13 3.6v4c0 3.2-2.1 5.5-5 6.6-2.9-1.1-5-3.4-5-6.6v-4L8 1.8Z"/>',
    "cross": '<path d="M8 2.5v11M5 5.5h6"/>',
    "unknown": (
        '<circle cx="8" cy="8" r="6"/>'
        '<path d="M6.3 6.4c.2-1 .9-1.5 1.8-1.5 1 0 1.7.6 1.7 1.5 0 1.3-1.8 1.4-1.8 2.7 '
        'M8 11.2v.1"/>'
    ),
    "bed": (
        '<path d="M2 3.5v9 M2 10.5h12v2 M14 10.5V8.2c0-.9-.7-1.7-1.7-1.7H7v4"/>'
        '<circle cx="4.5" cy="7.7" r="1.1"/>'
    ),
    "calendar": (
        '<rect x="2.5" y="3.5" width="11" height="10" rx="1.5"/><path d="M2.5 6.7h11 M5.5 2v2.5 '
        'M10.5 2v2.5"/>'
    ),
    "signed": '<path d="m3.5 8.6 3 3 6-7"/>',
    "unsigned": '<path d="m9.6 3.4 3 3L6 13H3v-3l6.6-6.6Z"/>',
    "hidden": (
        '<path d="M2 8c1.5-2.7 3.5-4 6-4s4.5 1.3 6 4c-1.5 2.7-3.5 4-6 4s-4.5-1.3-6-4Z"/>'
        '<path d="M3 13 13 3"/>'
    ),
    "words": '<path d="M2.5 3h11v7.5H8L5 13v-2.5H2.5Z"/><path d="M5 5.7h6M5 7.9h3.5"/>',
    "dissent": '<path d="M2.5 3h11v7.5H8L5 13v-2.5H2.5Z"/><path d="M8 5v2.3M8 9v.1"/>',
    "chevron": '<path d="m6 3.8 4.2 4.2L6 12.2"/>',
    "up": '<path d="M8 13V3.5M4.2 7.2 8 3.4l3.8 3.8"/>',
    "down": '<path d="M8 3v9.5M4.2 8.8 8 12.6l3.8-3.8"/>',
    "copy": (
        '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/>'
        '<path d="M10.5 5.5V4c0-.8-.7-1.5-1.5-1.5H4c-.8 0-1.5.7-1.5 1.5v5c0 .8.7 1.5 1.5 1.5h1.5"/>'
        ""
    ),
    "plus": '<path d="M8 3.5v9M3.5 8h9"/>',
    "below": '<path d="M3.5 2.5V10h8.5M9 7l3 3-3 3"/>',
    "out": '<path d="M12.5 13.5V6H4M7 3 4 6l3 3"/>',
    "plus-below": '<path d="M3.5 2.5V10H7M11 7v6M8 10h6"/>',
    "person": '<circle cx="8" cy="5.3" r="2.8"/><path d="M2.8 13.7c.6-2.7 2.6-4.2 5.2-4.2s4.6 1.5 5.2 4.2"/>',
    "sun": (
        '<circle cx="8" cy="8" r="2.8"/><path d="M8 1.5v1.3 M8 13.2v1.3 M1.5 8h1.3 M13.2 8h1.3 '
        'M3.4 3.4l.9.9 M11.7 11.7l.9.9 M3.4 12.6l.9-.9 M11.7 4.3l.9-.9"/>'
    ),
    "moon": '<path d="M13.3 9.6A5.7 5.7 0 0 1 6.4 2.7a5.7 5.7 0 1 0 6.9 6.9Z"/>',
    "arrow": '<path d="M3 8h9.5M8.8 4.2 12.6 8l-3.8 3.8"/>',
    "swap": '<path d="M3 5.5h9M9.5 3 12 5.5 9.5 8M13 10.5H4M6.5 8 4 10.5 6.5 13"/>',
    "lock": '<rect x="3.5" y="7" width="9" height="6.5" rx="1.2"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>',
    "assignment": (
        '<rect x="2.5" y="5" width="11" height="8" rx="1.2"/>'
        '<path d="M6 5V3.8c0-.7.5-1.3 1.3-1.3h1.4c.8 0 1.3.6 1.3 1.3V5M2.5 8.8h11"/>'
    ),
    "screens": (
        '<rect x="2" y="3" width="9" height="6.5" rx="1"/>'
        '<path d="M4 12.5h5M6.5 9.5v3M13.5 5.5c.3 0 .5.2.5.5v6c0 .3-.2.5-.5.5h-2"/>'
    ),
    "leave": (
        '<path d="M6.5 2.5H4c-.8 0-1.5.7-1.5 1.5v8c0 .8.7 1.5 1.5 1.5h2.5 M6.5 8h7 '
        'M10.8 5.2 13.6 8l-2.8 2.8"/>'
    ),
    "link": (
        '<path d="M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 0 0-3.7-3.7l-.7.7 M9.3 6.7'
        'a2.6 2.6 0 0 0-3.7 0L3.4 8.9a2.6 2.6 0 0 0 3.7 3.7l.7-.7"/>'
    ),
    "destroy": '<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4"/>',
    "cross-out": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "inbox": (
        '<path d="M2.5 9.5 4.3 3.4h7.4l1.8 6.1v3.1h-11Z"/>'
        '<path d="M2.5 9.5h3.2c.2 1.2 1.1 1.9 2.3 1.9s2.1-.7 2.3-1.9h3.2"/>'
    ),
    "people": (
        '<circle cx="6" cy="5.6" r="2.3"/><path d="M1.8 13c.4-2.3 2-3.6 4.2-3.6s3.8 1.3 4.2 3.6"/>'
        '<path d="M10.3 3.4a2.3 2.3 0 0 1 0 4.4M11.6 9.7c1.5.4 2.4 1.6 2.7 3.3"/>'
    ),
    "recent": '<circle cx="8" cy="8" r="5.7"/><path d="M8 4.6V8l2.3 1.6"/>',
    "idea": (
        '<path d="M5.8 11.2c-1.3-.8-2.1-2.1-2.1-3.7a4.3 4.3 0 0 1 8.6 0c0 1.6-.8 2.9-2.1 3.7Z"/>'
        '<path d="M6.3 13.7h3.4"/>'
    ),
    "report": '<path d="M3.5 14V2.5M3.5 3h8.8l-2 3 2 3H3.5"/>',
    "list": '<path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.1M2.5 8h.1M2.5 12h.1"/>',
    "rail": '<rect x="2.5" y="3" width="11" height="10" rx="1.5"/><path d="M6.3 3v10"/>',
    "camera": (
        '<path d="M2 5.5c0-.6.4-1 1-1h2L6 3h4l1 1.5h2c.6 0 1 .4 1 1V12c0 .6-.4 1-1 1H3c-.6 0-1-.4-1-1Z"/>'
        '<circle cx="8" cy="8.6" r="2.3"/>'
    ),
    "microphone": (
        '<rect x="6" y="1.8" width="4" height="7.4" rx="2"/>'
        '<path d="M3.5 7.5a4.5 4.5 0 0 0 9 0M8 12v2.2M5.8 14.2h4.4"/>'
    ),
    "keys": '<path d="M1.8 4.5h12.4v7H1.8ZM4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 9.3h6"/>',
    "file": '<path d="M4 1.8h5.2L12.5 5v9.2H4ZM9 2v3.2h3.3"/>',
    "print": (
        '<path d="M4.5 6V2.5h7V6 '
        'M4.5 11.5H3c-.6 0-1-.4-1-1V7c0-.6.4-1 1-1h10c.6 0 1 .4 1 1v3.5c0 .6-.4 1-1 1h-1.5"/>'
        '<path d="M4.5 9.5h7v4h-7z"/>'
    ),
}
