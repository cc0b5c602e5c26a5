/* SPDX-License-Identifier: MIT */
#include "front.h"

int main(int argc, char **argv)
{
	struct front f;

	front_start(&f, argc, argv);
	front_hand_over(&f, -1);
}
