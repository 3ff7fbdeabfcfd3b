"""Builds, poses, and the joints of a figure.

Figure units: a head is about 1 high; the origin is the pelvis; x runs to the right of the image, y down.
"""

import math
import random
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from demo_web.drawing.pen import Point

BuildName: TypeAlias = Literal["athletic", "broad", "giant", "slim", "woman"]
PoseName: TypeAlias = Literal[
    "stand", "hips", "flex", "punch", "run", "fly", "leap", "crouch", "swing", "guard", "smash", "point"
]

SHOULDER_Y, CHEST_Y, WAIST_Y, HIP_Y = -2.1, -1.6, -0.62, 0.05


@dataclass(frozen=True)
class Build:
    """Measures of a body in figure units; widths are half widths or radii."""

    head: float
    neck: float
    neck_width: float
    shoulder: float
    chest: float
    waist: float
    hip: float
    upper_arm: float
    forearm: float
    hand: float
    thigh: float
    calf: float
    arm_length: float
    leg_length: float


BUILDS: dict[BuildName, Build] = {
    "athletic": Build(1, 0.24, 0.2, 0.92, 0.8, 0.54, 0.56, 0.25, 0.2, 0.19, 0.34, 0.24, 2.3, 3.5),
    "broad": Build(1, 0.2, 0.26, 1.12, 0.98, 0.62, 0.62, 0.32, 0.26, 0.22, 0.4, 0.28, 2.35, 3.4),
    "giant": Build(0.86, -0.16, 0.42, 1.55, 1.42, 1, 0.86, 0.52, 0.47, 0.42, 0.6, 0.42, 2.7, 2.9),
    "slim": Build(1, 0.22, 0.17, 0.8, 0.68, 0.46, 0.48, 0.2, 0.16, 0.17, 0.28, 0.2, 2.3, 3.6),
    "woman": Build(0.96, 0.28, 0.14, 0.72, 0.63, 0.4, 0.62, 0.17, 0.14, 0.14, 0.33, 0.21, 2.15, 3.6),
}


class Pose(NamedTuple):
    """Directions of the limbs in degrees from straight down, outwards positive, and the body's roll.

    `arms` and `legs` hold the directions of the upper and the lower half, for left and right.
    """

    arms: tuple[tuple[float, float], tuple[float, float]]
    legs: tuple[tuple[float, float], tuple[float, float]]
    roll: float = 0


POSES: dict[PoseName, Pose] = {
    "stand": Pose(((14, 6), (14, 6)), ((7, 3), (7, 3))),
    "hips": Pose(((50, -52), (50, -52)), ((15, 10), (15, 10))),
    "flex": Pose(((80, 168), (80, 168)), ((17, 10), (17, 10))),
    "punch": Pose(((88, 94), (42, -75)), ((30, 12), (20, -8))),
    "run": Pose(((38, 118), (30, -40)), ((32, -30), (10, 34))),
    "fly": Pose(((170, 176), (16, 8)), ((4, 0), (14, -22)), roll=52),
    "leap": Pose(((125, 150), (70, 112)), ((44, -52), (18, -16)), roll=8),
    "crouch": Pose(((34, -14), (66, 20)), ((78, -34), (72, -38))),
    "swing": Pose(((166, 172), (64, 104)), ((48, -44), (14, -34)), roll=-24),
    "guard": Pose(((42, 132), (52, 120)), ((20, 2), (16, 4))),
    "smash": Pose(((148, 176), (148, 176)), ((24, 6), (24, 6))),
    "point": Pose(((20, 4), (96, 100)), ((12, 4), (16, 6))),
}


@dataclass(frozen=True)
class Skeleton:
    """Positions of the joints: left and right (shoulder, elbow, hand), (hip, knee, ankle), and the head."""

    arms: tuple[tuple[Point, ...], tuple[Point, ...]]
    legs: tuple[tuple[Point, ...], tuple[Point, ...]]
    head: Point

    def points(self) -> list[Point]:
        """Return all joints, to compute the figure's extent."""
        return [point for limb in (*self.arms, *self.legs) for point in limb] + [self.head]


def loosened(pose: Pose, rng: random.Random) -> Pose:
    """Vary a pose slightly, and exchange left and right with a probability of 0.5."""

    def vary(halves: tuple[float, float]) -> tuple[float, float]:
        sway = rng.gauss(0, 7)
        return halves[0] + sway, halves[1] + sway + rng.gauss(0, 7)

    arms, legs = (vary(pose.arms[0]), vary(pose.arms[1])), (vary(pose.legs[0]), vary(pose.legs[1]))
    roll = pose.roll + rng.gauss(0, 5)
    if rng.random() < 0.5:
        return Pose((arms[1], arms[0]), (legs[1], legs[0]), -roll)
    return Pose(arms, legs, roll)


def skeleton(build: Build, pose: Pose, turn: float) -> Skeleton:
    """Place the joints of a body; `turn` (-1 to 1) is its orientation to the left or right."""
    narrow = 1 - 0.25 * abs(turn)

    def chain(start: Point, directions: tuple[float, float], length: float, side: int) -> tuple[Point, ...]:
        joints = [start]
        for direction, share in zip(directions, (0.53, 0.47), strict=True):
            angle, (x, y) = math.radians(direction), joints[-1]
            reach = share * length
            joints.append((x + side * reach * math.sin(angle), y + reach * math.cos(angle)))
        return tuple(joints)

    def pair(x: float, y: float, halves: tuple[tuple[float, float], tuple[float, float]], length: float):
        left = chain((-x * narrow, y), halves[0], length, -1)
        return left, chain((x * narrow, y), halves[1], length, 1)

    return Skeleton(
        arms=pair(build.shoulder * 0.92, SHOULDER_Y + 0.08, pose.arms, build.arm_length),
        legs=pair(build.hip * 0.62, HIP_Y + 0.1, pose.legs, build.leg_length),
        head=(0.06 * turn, SHOULDER_Y - 0.2 - build.neck - 0.45 * build.head),
    )
