"""Hours in which no change stopped anything: whatever goes quiet or fails, no cause may be named."""

from simulation.walk import Walk
from simulation.worlds.faults import cidr, rule
from simulation.worlds.noise import decoys
from simulation.worlds.vpc import WEB
from simulation.worlds.world import BEGIN, PEOPLE, START, Maker, Probe

UNANSWERED = Walk("ACCEPT", "NONE", "lost")


def quiet(m: Maker) -> None:
    m.usual()


def harmless_changes(m: Maker) -> None:
    decoys(m)
    m.usual()


def deploy(m: Maker) -> None:
    for n in range(12):
        m.call(rule(m, "authorize", "web", cidr(9200 + n, "10.8.0.0/16")), m.after(2 * n))
    m.call(rule(m, "revoke", "web", cidr(9200, "10.8.0.0/16")), m.after(30))
    m.usual()


def scale_in(m: Maker) -> None:
    """A client and its traffic end in the minute of harmless changes."""
    decoys(m)
    m.usual()
    m.talk("203.0.113.77", WEB, 80, ("web",), every=30, end=m.at)


def crash(m: Maker) -> None:
    """The server does not answer a port for a while, in the minutes of harmless changes."""
    decoys(m)
    m.usual()
    m.talk("203.0.113.78", WEB, 80, ("web",), every=20, end=m.at)
    for n in range(25):
        probe = Probe(m.id("eni", "web"), "203.0.113.78", WEB, 6, 40000 + n, 80)
        m.log(probe, int(m.after(25 * n).timestamp()), UNANSWERED, "web")
    m.talk("203.0.113.78", WEB, 80, ("web",), every=20, begin=m.after(700))


def idle_timeouts(m: Maker) -> None:
    """Packets of connections that are long forgotten are rejected, without a SYN."""
    decoys(m)
    m.usual()
    for peer in PEOPLE:
        at, port = int(m.after(m.rng.randint(0, 300)).timestamp()), m.rng.randint(32768, 60900)
        for n in range(3):
            begin = at + 70 * n
            row = (m.id("eni", "web"), peer, WEB, port, 443, 6, 1, 60, begin, begin, "REJECT", 16, False)
            m.rows.append(row)


def job(m: Maker) -> None:
    """A job that runs twice, and ends."""
    decoys(m)
    m.usual()
    for begin in (BEGIN, START):
        m.talk("10.0.2.10", "198.51.100.140", 8443, ("app",), every=15, begin=begin, end=m.after(0))


def dns_move(m: Maker) -> None:
    """Clients move to another address in the minute of harmless changes."""
    decoys(m)
    m.usual()
    m.talk("10.0.2.10", "198.51.100.150", 443, ("app",), every=20, end=m.at)
    m.talk("10.0.2.10", "198.51.100.151", 443, ("app",), every=20, begin=m.at)


CLEAN = {f.__name__: f for f in (quiet, harmless_changes, deploy, scale_in, crash, idle_timeouts, job, dns_move)}
