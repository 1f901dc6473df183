package simulate

import (
	"slices"
	"strconv"

	"tajdeed/schema"
)

// The channels that the population knows by name.
const (
	individualPortal schema.Channel = "individual_portal"
	companyPortal    schema.Channel = "company_portal"
	governmentPortal schema.Channel = "government_portal"
	mobileApp        schema.Channel = "mobile_app"
	counter          schema.Channel = "counter"
	backOffice       schema.Channel = "back_office"
)

// The channels by who applies; the weights are assumed.
var (
	companyChannels    = []share[schema.Channel]{{companyPortal, 80}, {mobileApp, 8}, {counter, 10}, {backOffice, 2}}
	governmentChannels = []share[schema.Channel]{{governmentPortal, 90}, {counter, 7}, {backOffice, 3}}
	individualChannels = []share[schema.Channel]{{individualPortal, 55}, {mobileApp, 35}, {counter, 9}, {backOffice, 1}}
)

// otherWeight is the weight, with everybody, of a configured channel of another name.
const otherWeight = 10

// channels are the configured channels: what each kind of applicant uses, and the headers
// of the messages that each sends.
type channels struct {
	all                             []schema.Channel
	company, government, individual []share[schema.Channel]
	headers                         map[schema.Channel][]schema.Header // id and time are to be replaced
}

func newChannels(all []schema.Channel) channels {
	c := channels{
		all:        all,
		company:    among(all, companyChannels),
		government: among(all, governmentChannels),
		individual: among(all, individualChannels),
		headers:    map[schema.Channel][]schema.Header{},
	}
	for _, channel := range all {
		c.headers[channel] = blankHeaders(channel)
	}
	return c
}

// among returns who uses which of the channels that there are. Where that is none of their
// own, they use all alike.
func among(all []schema.Channel, own []share[schema.Channel]) []share[schema.Channel] {
	used := slices.DeleteFunc(slices.Clone(own), func(s share[schema.Channel]) bool { return !slices.Contains(all, s.value) })
	known := schema.DefaultChannels()
	for _, c := range all {
		if !slices.Contains(known, c) {
			used = append(used, share[schema.Channel]{c, otherWeight})
		}
	}
	if len(used) > 0 {
		return used
	}
	for _, c := range all {
		used = append(used, share[schema.Channel]{c, otherWeight})
	}
	return used
}

func (c *channels) of(kind schema.SponsorKind) []share[schema.Channel] {
	switch kind {
	case schema.SponsorCompany:
		return c.company
	case schema.SponsorGovernment, schema.SponsorMission:
		return c.government
	default:
		return c.individual
	}
}

// channel returns the channel that a resident always uses. What a person sends by two
// channels lies in two topics, which have no order between them, and what is expected of
// an application depends on those before it.
func (d *draft) channel() schema.Channel {
	shares := d.s.channels.of(d.s.population.sponsors[d.sponsor].kind)
	return pickBy(shares, mix(d.s.config.Seed+3, uint64(d.index)))
}

// elsewhere returns the channel of what follows a message of a channel: mostly the same
// one; see [Config.Elsewhere].
func (s *Simulation) elsewhere(channel schema.Channel) schema.Channel {
	all := s.channels.all
	if len(all) == 1 || !s.chance(s.config.Elsewhere) {
		return channel
	}
	at := slices.Index(all, channel)
	return all[(at+1+s.rng.IntN(len(all)-1))%len(all)]
}

// account names who submits: one of a sponsor's three delegates, a desk, or a person.
func (d *draft) account(channel schema.Channel) string {
	switch channel {
	case companyPortal, governmentPortal:
		return "delegate" + strconv.Itoa(1+d.s.rng.IntN(3)) + "@" + strconv.Itoa(int(d.s.population.id(d.sponsor)))
	case counter, backOffice:
		return "desk-" + strconv.Itoa(1+d.s.rng.IntN(60))
	default:
		return "person-" + strconv.FormatUint(mix(d.s.config.Seed+2, uint64(d.index))>>24, 36)
	}
}
