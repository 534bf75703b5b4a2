"""Questions of the field, as SQL that can be run as it is."""

QUESTIONS: tuple[tuple[str, str], ...] = (
    (
        "Who is rejected most, and at which port?",
        "SELECT peer, service_port, count() AS records, max(start) AS last\nFROM flow_records\n"
        "WHERE action = 'REJECT'\nGROUP BY peer, service_port\nORDER BY records DESC\nLIMIT 20",
    ),
    (
        "Which services does each interface offer?",
        "SELECT interface_id, protocol_name, service_port, uniqExact(peer) AS peers, sum(bytes) AS bytes\n"
        "FROM flow_records\nWHERE action = 'ACCEPT' AND direction = 'ingress' AND dstport = service_port\n"
        "GROUP BY ALL\nORDER BY bytes DESC\nLIMIT 50",
    ),
    (
        "How much was accepted and rejected in each hour?",
        "SELECT toStartOfHour(start) AS hour, action, count() AS records\nFROM flows\n"
        "GROUP BY ALL\nORDER BY hour, action",
    ),
    (
        "Who changed what, and how often?",
        "SELECT actor, event_name, uniqExact(event_id) AS calls, max(event_time) AS last\nFROM change_events\n"
        "GROUP BY ALL\nORDER BY calls DESC",
    ),
    (
        "Which peers send the most bytes from outside?",
        "SELECT peer, sum(bytes) AS bytes, count() AS records\nFROM flow_records\n"
        "WHERE direction = 'ingress' AND action = 'ACCEPT'\nGROUP BY peer\nORDER BY bytes DESC\nLIMIT 20",
    ),
    (
        "Which lines could not be read, and why?",
        "SELECT reason, count() AS lines, any(raw) AS example\nFROM rejected_lines\n"
        "GROUP BY reason\nORDER BY lines DESC",
    ),
)
