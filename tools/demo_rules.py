"""Writes a rule file of SERVICES x DESTINATIONS, the same one every time, as `ipvsadm -S -n` prints it."""

import sys


def address(network: int, number: int) -> str:
    return f"10.{network + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def main() -> None:
    services, destinations = (int(word) for word in sys.argv[1:3])
    lines = []
    for number in range(services):
        service = f"-t {address(0, number + 1)}:80"
        lines.append(f"-A {service} -s wlc\n")
        first = number * destinations + 1
        lines += [
            f"-a {service} -r {address(100, first + step)}:8080 -m -w {step % 9 + 1}\n"
            for step in range(destinations)
        ]
    sys.stdout.write("".join(lines))


if __name__ == "__main__":
    main()
