"""Groups customers into segments that keep their names, and says what each is like. Plain Python: arrays in, frozen
dataclasses out; facts and codes, no sentences.

    preparation = Preparation.learn(values, names, keys=keys)         # float [n, p], NaN unknown; ClusteringRefused
    prepared = preparation.apply(values)                              # float32 [n, q]
    advice = choose.choose(prepared, seed=0, keys=keys)               # how many segments; or that there are none
    found, labels = clusters.fit_and_assign(prepared, k=5, seed=0, keys=keys)
    order = naming.order_by_value(labels, value, found.k)             # the first run; after it naming.match
    found, labels = found.reordered(order), naming.relabelled(labels, order)
    builder = ProfileBuilder(preparation, found.k, seed=0)
    builder.add(values, labels, keys, prepared)                       # block by block, as many as there are
    portraits = personas.portraits(builder.profile())
    newcomers = found.assign(preparation.apply(later_values))         # both as_json() and back in between

Everything follows from the data, the keys and the seed; the order of the rows makes no difference.

Reading order:

    refusal      what cannot be grouped, by a code
    sampling     who is looked at: a hash of the key decides
    preparation  columns of any unit made comparable
    clusters     the centres, and each customer's nearest
    naming       S1 .. Sk by value, and the same names from run to run; who moved
    overlap      the same names where other columns are grouped by than before
    starts       many small k-means side by side
    separation   silhouette, Davies-Bouldin, adjusted Rand
    reference    what the customers would look like without clusters
    choose       how many segments, if any
    points       a few customers of each segment, for charts
    profiles     means, quartiles, what sets a segment apart, what separates them
    traits       what feature names stand for, and the table of personas
    personas     a persona for each segment
    allocation   (allocation_terms, allocation_prices, allocation_choice)  who is given which offer
"""
