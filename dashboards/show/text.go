package show

import (
	"fmt"
	"strings"
	"time"

	"tajdeed/dashboards/text"
)

const (
	indent = 14 // where values begin
	width  = 66 // of a reason's text
)

// Text is the report for a person, within 80 columns.
func (s *Found) Text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "Application %s (times are Kuwait's)\n", s.ID)
	if s.Simulation {
		out.WriteString("SIMULATION: its people are made up, and nothing here holds for anybody\n")
	}
	if s.Application != nil {
		out.WriteString("\n")
		s.Application.write(&out)
	}
	for i := range s.Decisions {
		d := &s.Decisions[i]
		writeTitle(&out, dispositionTitles[d.Disposition]+" "+strings.ToUpper(d.Outcome))
		d.write(&out)
	}
	for i := range s.Waiting {
		writeTitle(&out, "A message is on its way:")
		s.Waiting[i].write(&out)
	}
	for i := range s.Unreadable {
		writeTitle(&out, "A message cannot be read, and is in quarantine:")
		s.Unreadable[i].write(&out)
	}
	return out.String()
}

func writeTitle(out *strings.Builder, title string) {
	fmt.Fprintf(out, "\n%s\n%s\n", title, strings.Repeat("─", indent+width))
}

func (w *Waiting) write(out *strings.Builder) {
	writeFieldf(out, "Received", "%s by %s", text.Second(w.ReceivedAt), w.Channel)
	writeFieldf(out, "Waits for", "%s messages of its partition", text.Thousands(w.Before))
	writeFieldf(out, "Message", "%s, partition %d, offset %d", w.Topic, w.Partition, w.Offset)
}

func (q *Quarantined) write(out *strings.Builder) {
	field := q.Field
	if field == "" {
		field = "the whole message"
	}
	writeFieldf(out, "Received", "%s by %s", text.Second(q.ReceivedAt), q.Channel)
	writeFieldf(out, "Rule", "%s", q.Rule)
	writeFieldf(out, "Field", "%s", field)
	writeFieldf(out, "Found", "%s", q.Found)
	writeFieldf(out, "Message", "%s, partition %d, offset %d", q.Topic, q.Partition, q.Offset)
	writeFieldf(out, "Answered", "%s", yesOrNotYet(q.Announced))
}

func yesOrNotYet(yes bool) string { return map[bool]string{true: "yes", false: "not yet"}[yes] }

var dispositionTitles = map[string]string{
	"first":    "The first decision, which counts:",
	"resend":   "The same application came again, and was answered the same:",
	"conflict": "Another application came under this id:",
}

func (a *Application) write(out *strings.Builder) {
	writeFieldf(out, "Asked for", "%s for %d months, article %d", a.Kind, a.Months, a.Article)
	writeFieldf(out, "Civil ID", "%s", a.CivilID)
	writeFieldf(out, "Sponsor", "%s", a.SponsorID)
	writeFieldf(out, "Submitted", "%s by %s", text.Second(a.SubmittedAt), a.Channel)
	if a.FeePaidAt == nil {
		writeFieldf(out, "Payment", "none stated")
	} else {
		writeFieldf(out, "Payment", "%s at %s", a.FeePaid, text.Second(*a.FeePaidAt))
	}
	if a.InsuranceFrom == nil {
		writeFieldf(out, "Insurance", "none stated")
	} else {
		writeFieldf(out, "Insurance", "%s to %s", *a.InsuranceFrom, *a.InsuranceTo)
	}
}

func (d *Decision) write(out *strings.Builder) {
	if d.Disposition == "conflict" {
		writeFieldf(out, "Asked for", "%d months, article %d, %s", d.Months, d.Article, d.Channel)
		writeFieldf(out, "Civil ID", "%s", d.CivilID)
	}
	writeFieldf(out, "Decided", "%s, %s after it was received", text.Second(d.DecidedAt), d.DecidedAt.Sub(d.ReceivedAt).Round(time.Millisecond))
	d.writeReasons(out)
	if d.Disposition != "conflict" {
		writeFieldf(out, "Residency", "%s", d.residency())
	}
	writeFieldf(out, "Fee", "%s", d.fee())
	writeFieldf(out, "Policy", "%s", d.Policy)
	writeFieldf(out, "Message", "%s, partition %d, offset %d", d.Topic, d.Partition, d.Offset)
	writeFieldf(out, "Announced", "%s", yesOrNotYet(d.Announced))
}

func (d *Decision) residency() string {
	switch {
	case d.OldExpiry == nil:
		return "none in the register, or not told to who does not know it"
	case d.NewExpiry == nil:
		return *d.OldExpiry + ", unchanged"
	}
	return *d.OldExpiry + " → " + *d.NewExpiry
}

// fee leaves out the fee due where there is none: the policy has no price, or the decision is
// a conflict. Most renewals are in time and owe no fine.
func (d *Decision) fee() string {
	var parts []string
	if d.FeeDue != 0 {
		parts = append(parts, "due "+d.FeeDue.String())
	}
	if d.FineDue != 0 {
		parts = append(parts, "fine "+d.FineDue.String())
	}
	return strings.Join(append(parts, "paid "+d.FeePaid.String()), ", ")
}

// writeReasons writes the code of each reason and its texts.
func (d *Decision) writeReasons(out *strings.Builder) {
	for i, reason := range d.Reasons {
		name := "Reason"
		if i > 0 {
			name = ""
		}
		writeFieldf(out, name, "%s", reason.Code)
		if reason.English == "" && reason.Arabic == "" {
			continue
		}
		for line := range strings.SplitSeq(text.BothLanguages(reason.English, reason.Arabic, width), "\n") {
			writeFieldf(out, "", "%s", line)
		}
	}
}

// writeFieldf writes a name and its value.
func writeFieldf(out *strings.Builder, name, format string, values ...any) {
	text.WriteField(out, indent, name, fmt.Sprintf(format, values...))
}
