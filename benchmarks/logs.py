"""Flow logs for the benchmarks, generated from a seed and without the simulation's story."""

import gzip
import random

V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
V5 = (
    f"{V2} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type "
    "sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
)
INTERFACES = 40


def flow_log(header: str, rows: int, seed: int = 1) -> bytes:
    """A gzip object with `rows` OK records of 40 randomly chosen interfaces, whose peers are all over the internet."""
    rng = random.Random(seed)
    interfaces = [f"eni-{rng.getrandbits(68):017x}" for _ in range(INTERFACES)]
    lines = [header]
    for n in range(rows):
        own = rng.randrange(INTERFACES)
        mine, peer = f"10.0.{own % 4}.{own + 10}", ".".join(str(rng.randrange(1, 255)) for _ in range(4))
        inward = rng.random() < 0.5
        ends = (peer, mine) if inward else (mine, peer)
        ports = (rng.randrange(1024, 65536), rng.choice((22, 80, 443)))
        start = 1763627530 + n // 1000
        line = (
            f"2 123456789010 {interfaces[own]} {ends[0]} {ends[1]} {ports[0]} {ports[1]} 6 {rng.randrange(1, 60)} "
            f"{rng.randrange(40, 60_000)} {start} {start + 58} {'REJECT' if rng.random() < 0.2 else 'ACCEPT'} OK"
        )
        if header == V5:
            line += (
                f" vpc-0a1b2c3d4e5f60718 subnet-{own % 4:017x} i-{own:017x} {rng.choice((0, 2, 3, 18, 19))} IPv4 "
                f"{ends[0]} {ends[1]} eu-central-1 euc1-az{own % 3 + 1} - - - - "
                f"{'ingress -' if inward else 'egress 8'}"
            )
        lines.append(line)
    return gzip.compress("\n".join([*lines, ""]).encode(), 6)
