"""Every kind of world by name: a function of its seed."""

from simulation.worlds.clean import CLEAN
from simulation.worlds.faults import FAULTS
from simulation.worlds.noise import decoys, noise
from simulation.worlds.world import CLEAN_END, Maker, World


def world(kind: str, seed: int, number: int) -> World:
    """The world of a kind and seed; `number` makes its ids different from those of every other world in a store."""
    if kind in CLEAN:
        maker = Maker(kind, seed, number, CLEAN_END)
        CLEAN[kind](maker)
    else:
        maker = Maker(kind, seed, number)
        decoys(maker)
        FAULTS[kind](maker)
        maker.states.sort(key=lambda state: state[0])
        maker.usual()
        for src, dst, port, seen, protocol in maker.late:
            maker.talk(src, dst, port, seen, protocol)
        for held in maker.held:
            maker.hold(*held)
    noise(maker)
    return maker.world()
