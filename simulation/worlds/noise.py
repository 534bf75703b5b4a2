"""What every world has besides: scans, late packets, and harmless changes near the time."""

from simulation.walk import Walk
from simulation.worlds.world import BEGIN, PEOPLE, Maker, Probe

REJECTED = Walk("REJECT", "NONE", "rejected")
CLOSED = (23, 445, 3389, 6379, 8080, 9200)


def noise(maker: Maker) -> None:
    """Scans of closed ports all the time, and rarely a late packet of a closed connection."""
    web = maker.id("eni", "web")
    at, rng = int(BEGIN.timestamp()), maker.rng
    while at < maker.end.timestamp() - 70:
        at += rng.randint(10, 60)
        scanner = f"198.{rng.choice((18, 19))}.{rng.randrange(256)}.{rng.randrange(1, 40)}"
        probe = Probe(web, scanner, "10.0.1.10", 6, rng.randint(1024, 65000), rng.choice(CLOSED))
        maker.log(probe, at, REJECTED, "web")
        if rng.random() < 0.02:
            src, port = rng.choice(PEOPLE), rng.randint(32768, 60900)
            maker.rows.append((web, src, "10.0.1.10", port, 443, 6, 1, 40, at, at, "REJECT", 1, False))


def decoys(maker: Maker) -> None:
    """Changes that stop nothing, in the minutes before the fault, and a call that is refused."""
    sg = maker.id("sg", "web")
    entry = "--protocol tcp --port-range From=443,To=443 --cidr-block 0.0.0.0/0 --rule-action deny"
    lines = [
        f"create-tags --resources {sg} --tags Key=Team,Value=web",
        f"create-network-acl-entry --network-acl-id {maker.id('acl', 'pub')} --ingress"
        f" --rule-number {maker.rng.randint(110, 190)} {entry}",
        f"create-network-acl-entry --network-acl-id {maker.id('acl', 'shut')} --ingress --rule-number 95 {entry}",
        f"authorize-security-group-ingress --group-id {sg} --protocol tcp --port 9443 --cidr 10.9.0.0/16",
        f"create-route --route-table-id {maker.id('rtb', 'pub')} --destination-cidr-block 10.77.0.0/16"
        f" --nat-gateway-id {maker.id('nat', 'nat')}",
    ]
    times = sorted(maker.rng.randint(1, 240) for _ in range(2))
    for before, line in zip(times[::-1], maker.rng.sample(lines, 2), strict=True):
        maker.call(line, maker.after(-before), maker.other)
    refused = f"revoke-security-group-ingress --group-id {sg} --protocol tcp --port 443 --cidr 0.0.0.0/0"
    maker.fail(refused, maker.after(-5))
