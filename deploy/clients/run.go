package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"tajdeed/schema"
)

// The prefixes of the topics beside the installation's: those that a later edition answers
// on, and those that show where keys are placed, by their number of partitions.
const laterPrefix = "later"

func placedPrefix(partitions int) string { return fmt.Sprintf("placed-%d", partitions) }

// run is one example as it runs.
type run struct {
	language
	folder  string
	brokers []string
	output  bytes.Buffer
}

// all runs the example in every way, up to the first that fails.
func (r *run) all(ctx context.Context, who resident, expected []placed) error {
	data, err := json.Marshal(who)
	if err != nil {
		return err
	}
	for _, of := range []struct{ prefix, title string }{
		{schema.DefaultPrefix, "answered by the stages"}, {laterPrefix, "answered by a later edition"},
	} {
		fmt.Fprintf(&r.output, "\n%s, %s\n", r.name, of.title)
		out, err := r.execute(ctx, of.prefix, data, "apply")
		r.output.Write(out)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", r.name, of.title, err)
		}
		if leak := disclosed(out, who); leak != "" {
			return fmt.Errorf("%s, %s: it prints the %s", r.name, of.title, leak)
		}
	}
	return r.place(ctx, expected)
}

// disclosed names what an example printed of a person; "" if nothing.
func disclosed(out []byte, who resident) string {
	for name, value := range map[string]string{"Civil ID": who.CivilID, "passport": who.Passport.Number} {
		if bytes.Contains(out, []byte(value)) {
			return name
		}
	}
	return ""
}

// place has the example publish every key to topics with several numbers of partitions.
func (r *run) place(ctx context.Context, expected []placed) error {
	fmt.Fprintf(&r.output, "\n%s, where keys are placed\n", r.name)
	for i, partitions := range placedPartitions {
		var keys, want strings.Builder
		for _, p := range expected {
			fmt.Fprintln(&keys, p.key)
			fmt.Fprintln(&want, p.key, p.in[i])
		}
		topic := schema.Topics{Prefix: placedPrefix(partitions)}.Submissions(r.channel())
		out, err := r.execute(ctx, schema.DefaultPrefix, []byte(keys.String()), "partitions", topic)
		if err != nil {
			return fmt.Errorf("%s, partitions: %w: %s", r.name, err, out)
		}
		if n := differences(string(out), want.String()); n > 0 {
			return fmt.Errorf("%s places %d of %d keys elsewhere than Kafka's Java client does, among %d partitions", r.name, n, len(expected), partitions)
		}
		fmt.Fprintf(&r.output, "%d keys among %d partitions: all where murmur2 places them\n", len(expected), partitions)
	}
	return nil
}

// differences counts the lines of want that got does not have. An example may also print
// what its library logs.
func differences(got, want string) (n int) {
	lines := strings.Split(got, "\n")
	for line := range strings.Lines(want) {
		if !slices.Contains(lines, strings.TrimSpace(line)) {
			n++
		}
	}
	return n
}

func (r *run) execute(ctx context.Context, prefix string, stdin []byte, args ...string) ([]byte, error) {
	c := shell(ctx, r.folder, strings.Join(append([]string{"exec", r.command}, args...), " "))
	c.Env = append(os.Environ(), "TAJDEED_BROKERS="+strings.Join(r.brokers, ","), "TAJDEED_PREFIX="+prefix, "TAJDEED_CHANNEL="+string(r.channel()))
	c.Stdin = bytes.NewReader(stdin)
	out, err := c.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	return out, err
}
