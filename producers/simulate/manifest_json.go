package simulate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"tajdeed/schema"
)

// WriteFile writes the manifest as JSON, with a line for each application and each
// residency.
func (m *Manifest) WriteFile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	err = m.write(out)
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}

func (m *Manifest) write(out io.Writer) error {
	head, err := json.Marshal(m.summary())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "{\n\"summary\": %s,\n\"applications\": [", head)
	if err := writeLines(out, m.Applications, applicationLine); err != nil {
		return err
	}
	fmt.Fprint(out, "],\n\"register\": [")
	if err := writeLines(out, m.Register, residencyLine); err != nil {
		return err
	}
	_, err = fmt.Fprint(out, "]\n}\n")
	return err
}

func writeLines[T any](out io.Writer, rows []T, line func(*T) any) error {
	between := "\n"
	for i := range rows {
		text, err := json.Marshal(line(&rows[i]))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s%s", between, text); err != nil {
			return err
		}
		between = ",\n"
	}
	return nil
}

func applicationLine(e *Expectation) any {
	return struct {
		ID        string   `json:"application_id"`
		CivilID   string   `json:"civil_id"`
		Article   int      `json:"article"`
		Outcome   string   `json:"outcome"`
		Reasons   []string `json:"reasons"`
		Policy    string   `json:"policy"`
		FeeDue    int64    `json:"fee_due_fils"`
		FineDue   int64    `json:"fine_due_fils"`
		OldExpiry string   `json:"old_expiry,omitempty"`
		NewExpiry string   `json:"new_expiry,omitempty"`
	}{
		e.ApplicationID.String(), e.CivilID.String(), int(e.Article), e.Outcome.String(), e.Reasons.Codes(),
		e.Policy, int64(e.FeeDue), int64(e.FineDue), dateOrNone(e.OldExpiry), dateOrNone(e.NewExpiry),
	}
}

func residencyLine(r *schema.Residency) any {
	return struct {
		CivilID   string `json:"civil_id"`
		ExpiresOn string `json:"expires_on"`
	}{r.CivilID.String(), r.ExpiresOn.String()}
}

func dateOrNone(d schema.Date) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// summary is the manifest's head with the names that messages use.
func (m *Manifest) summary() any {
	return struct {
		Seed       uint64                    `json:"seed"`
		Residents  int                       `json:"residents"`
		Start      string                    `json:"start"`
		Messages   int                       `json:"messages"`
		Answers    int                       `json:"answers"`
		Channels   map[string]channelSummary `json:"channels"`
		Decisions  map[string]map[string]int `json:"decisions"`
		Articles   map[string]map[string]int `json:"articles"`
		Reasons    map[string]int            `json:"reasons"`
		Unreadable map[string]int            `json:"unreadable"`
	}{
		m.Seed, m.Residents, m.Start.String(), m.Counts.Messages, m.Counts.Messages,
		named(m.Counts.Channels, func(c schema.Channel) string { return string(c) }, summaryOfChannel),
		named(m.Counts.Dispositions, schema.Disposition.String, outcomeNames),
		named(m.Counts.Articles, func(a schema.Article) string { return strconv.Itoa(int(a)) }, outcomeNames),
		named(m.Counts.Reasons, schema.Reason.Code, itself),
		named(m.Counts.Rules, schema.Rule.String, itself),
	}
}

// channelSummary is a channel's counts; every message is answered.
type channelSummary struct {
	Messages   int `json:"messages"`
	Answers    int `json:"answers"`
	Unreadable int `json:"unreadable"`
}

func summaryOfChannel(c ChannelCounts) channelSummary {
	return channelSummary{Messages: c.Messages, Answers: c.Messages, Unreadable: c.Unreadable}
}

func outcomeNames(counts map[schema.Outcome]int) map[string]int {
	return named(counts, schema.Outcome.String, itself)
}

func itself(n int) int { return n }

func named[K comparable, V, W any](counts map[K]V, name func(K) string, value func(V) W) map[string]W {
	all := make(map[string]W, len(counts))
	for k, v := range counts {
		all[name(k)] = value(v)
	}
	return all
}
