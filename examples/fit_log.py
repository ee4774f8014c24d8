"""Fit a simulator to recorded episodes: which friction, masses and faults explain them?

robotmeta adapt pretrained:cheetah-dynamics --env my_robot.py:make --episodes-out episodes.npz
python fit_log.py cheetah-dynamics episodes.npz        # also the folder of a LeRobot dataset (--dataset-out)
"""

import argparse

import robotmeta as rm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", help="task family, such as cheetah-dynamics")
    parser.add_argument("log", help="episodes (.npz), or the folder of a LeRobot dataset")
    parser.add_argument("--known", nargs="*", default=[], metavar="NAME=VALUE", help="what need not be searched")
    given = parser.parse_args()

    family = rm.make(given.family)
    known = {name: float(value) for name, value in (item.split("=") for item in given.known)}
    fitted = rm.fit(family, given.log, known=known)
    for name, parameter in fitted.parameters.items():
        if name in known:
            continue
        interval = f"90 % interval {parameter.low:.3g} to {parameter.high:.3g}"
        print(f"{name}: {f'{parameter.value:.3g}, {interval}' if parameter.known else 'not known'}")
    print("the family explains the episodes" if fitted.explained else f"unexplained: {', '.join(fitted.unexplained)}")


if __name__ == "__main__":
    main()
