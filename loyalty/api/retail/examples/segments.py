"""Segments and their members."""

SEGMENT_BODY = {"name": "VIP", "description": "Invited by the shop"}
SEGMENT_OUT = {"id": 4, "name": "VIP", "description": "Invited by the shop", "kind": "hand", "members_count": 2}
SEGMENT = {"data": SEGMENT_OUT}
SEGMENTS = {
    "data": [
        SEGMENT_OUT,
        {"id": 7, "name": "Sleepers", "description": "Idle for half a year", "kind": "rule", "members_count": 1203},
    ],
    "next_cursor": None,
}
MEMBERS_BODY = {"member_ids": ["C-1001", "C-1002", "C-9999"]}
PLACED = {
    "data": [
        {"member_id": "C-1001", "status": "added"},
        {"member_id": "C-1002", "status": "already_member"},
        {"member_id": "C-9999", "status": "not_found"},
    ]
}
MEMBERS = {
    "data": [
        {"member_id": "C-1001", "added_at": "2026-06-01T11:23:23.000000Z"},
        {"member_id": "C-1002", "added_at": "2026-05-31T09:00:00.000000Z"},
    ],
    "next_cursor": "MTc4MDIxODAwMDAwMDAwMDoxMg",
}
