package text_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"tajdeed/dashboards/text"
	"tajdeed/dashboards/text/texttest"
)

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 450_000: "450,000", 6_400_000: "6,400,000",
		-1: "-1", -999: "-999", -1000: "-1,000", math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := text.Thousands(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
	if got := text.Thousands(uint64(math.MaxUint64)); got != "18,446,744,073,709,551,615" {
		t.Errorf("the largest number is written %s", got)
	}
}

func TestPercentOfNothingIsADash(t *testing.T) {
	t.Parallel()
	if got := text.Percent(0, 0); got != "–" {
		t.Errorf("0 of 0 is %s", got)
	}
	if got := text.Percent(1, 8); got != "12.5 %" {
		t.Errorf("1 of 8 is %s", got)
	}
}

// Lines are cut between words, and none is wider than was asked for, in either language.
func TestBothLanguagesKeepToTheWidth(t *testing.T) {
	t.Parallel()
	const english, arabic = "The amount paid is not the fee for this renewal.", "المبلغ المدفوع لا يساوي رسوم هذا التجديد."
	for _, width := range []int{20, 40, 59} {
		out := text.BothLanguages(english, arabic, width)
		texttest.Fits(t, out)
		var said []string
		for line := range strings.SplitSeq(out, "\n") {
			if n := len([]rune(strings.ReplaceAll(line, "\u200f", ""))); n > width {
				t.Errorf("a line of %d columns, want %d: %q", n, width, line)
			}
			said = append(said, strings.TrimSpace(strings.ReplaceAll(line, "\u200f", "")))
		}
		if got := strings.Join(said, " "); got != english+" "+arabic {
			t.Errorf("at %d columns: %q", width, got)
		}
	}
	if out := text.BothLanguages("", "", 10); out != "" {
		t.Errorf("nothing is laid out as %q", out)
	}
}

func ExampleWriteTable() {
	var out strings.Builder
	t := text.NewTable("Stage", "Messages")
	text.AlignRight(t, 2, 2)
	t.AppendRow([]any{"renewals", text.Thousands(450_000)})
	t.AppendFooter([]any{"Total", text.Thousands(450_000)})
	text.WriteTable(&out, "What was decided", t)
	fmt.Fprintln(os.Stdout, strings.TrimSpace(out.String()))
	fmt.Println(text.Minute(time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)))
	// Output:
	// What was decided
	//
	// Stage     Messages
	// ──────────────────
	// renewals   450,000
	// ──────────────────
	// Total      450,000
	// 2026-11-23 14:05
}
