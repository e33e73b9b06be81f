# SPDX-License-Identifier: Apache-2.0
$(eval $(call migrations,workout))

# All but main.c: tests link these too.
WORKOUT_SRCS := $(filter-out services/workout/main.c,$(sort $(wildcard services/workout/*.c)))
PROGRAMS += workout
workout_SRCS := services/workout/main.c $(WORKOUT_SRCS) $(workout_MIGRATIONS)

# The library is linked in by .incbin, which -MMD does not see.
$(B)/obj/services/workout/workout_library_pg.o $(B)/fuzz/obj/services/workout/workout_library_pg.o: services/workout/data/exercises.json
