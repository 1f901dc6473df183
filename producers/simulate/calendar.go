package simulate

import (
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"tajdeed/schema"
)

// The profile of a year, a week and a day. An official said that the renewals of a
// week fluctuate by season (FIG-WEEK), and no profile was found (FIG-SEASON). All three
// are assumed: fewer in the summer, when people travel, and more when the school year
// begins; a working week from Sunday to Thursday, as in Kuwait; office hours, and more
// online in the evening.
var (
	monthWeight   = [13]int{1: 10, 11, 11, 10, 10, 8, 7, 7, 11, 12, 11, 10}
	weekdayWeight = [7]int{time.Sunday: 12, 10, 10, 10, 9, time.Friday: 3, time.Saturday: 4}
	officeHours   = hours(2, 1, 1, 1, 1, 2, 6, 14, 18, 18, 17, 15, 13, 10, 6, 5, 6, 8, 9, 9, 8, 6, 4, 3)
	weekendHours  = hours(2, 1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 6, 6, 7, 8, 9, 9, 9, 8, 6, 4, 3)
)

const (
	maxWeekdayWeight = 12
	millisPerHour    = 60 * 60 * 1000
	millisPerDay     = 24 * millisPerHour
)

// hours repeats each hour of the day by its weight.
func hours(weights ...int) []uint8 {
	var list []uint8
	for hour, weight := range weights {
		list = append(list, slices.Repeat([]uint8{uint8(hour)}, weight)...)
	}
	return list
}

func weekday(d schema.Date) time.Weekday { return time.Weekday((int(d) + int(time.Thursday)) % 7) }

// timeOfDay draws a time on a day, in milliseconds since midnight.
func (s *Simulation) timeOfDay(day schema.Date) int {
	list := officeHours
	if w := weekday(day); w == time.Friday || w == time.Saturday {
		list = weekendHours
	}
	return int(list[s.rng.IntN(len(list))])*millisPerHour + s.rng.IntN(millisPerHour)
}

// instant is a time on a day in Kuwait.
func instant(day schema.Date, millis int) time.Time {
	return time.UnixMilli(int64(day)*millisPerDay + int64(millis) - 3*millisPerHour).UTC()
}

// season draws days of a year by their weights.
type season struct {
	start schema.Date
	sums  []int // of the weights, up to and with each day
}

func newSeason(start schema.Date) *season {
	year := &season{start: start, sums: make([]int, daysPerYear)}
	sum := 0
	for i := range year.sums {
		day := start.AddDays(i)
		sum += monthWeight[day.Time().Month()] * weekdayWeight[weekday(day)]
		year.sums[i] = sum
	}
	return year
}

func (y *season) day(rng *rand.Rand) schema.Date {
	at := rng.IntN(y.sums[len(y.sums)-1])
	return y.start.AddDays(sort.SearchInts(y.sums, at+1))
}

// ordinaryDay calls draw up to five times and returns the first day that passes by its
// weekday's weight, or else the last one.
func (s *Simulation) ordinaryDay(draw func() schema.Date) schema.Date {
	const offers = 5
	day := draw()
	for i := 1; i < offers && s.rng.IntN(maxWeekdayWeight) >= weekdayWeight[weekday(day)]; i++ {
		day = draw()
	}
	return day
}
