// SPDX-License-Identifier: BSD-3-Clause
#include "sstpl/fields.hpp"

#include <algorithm>
#include <cmath>

#include "sstpl/errors.hpp"

namespace sstpl {

FieldDraw::FieldDraw(const ReceptiveFields& fields, const RandomStream& stream, Index n_columns)
    : fields_(fields), stream_(stream), n_columns_(n_columns) {
  if (!fields.groups.empty()) {
    require(fields.rows == 0, "receptive fields are of an image or of groups of columns, not of both");
    require(static_cast<Index>(fields.groups.size()) <= n_columns, "groups must have no more entries than the inputs");
    const auto [least, most] = std::minmax_element(fields.groups.begin(), fields.groups.end());
    require(*least >= 0 && *most < static_cast<Index>(fields.groups.size()),
            "groups must be numbered from 0, with no more groups than columns");
    n_groups_ = *most + 1;
  } else if (fields.rows != 0) {
    // Divided, because the product of sizes that no memory has would wrap.
    require(fields.rows >= 1 && fields.cols >= 1 && fields.channels >= 1 &&
                n_columns / fields.rows / fields.cols / fields.channels >= 1,
            "receptive fields need an image of no more columns than the inputs");
    require(fields.least >= 1 && fields.least <= std::min(fields.rows, fields.cols),
            "the least side of a receptive field must lie between 1 and the image's sides");
  }
}

void FieldDraw::draw(Index unit, Vector<bool>& seen) const {
  seen.setConstant(n_columns_, true);
  if (fields_.rows != 0) draw_rectangle(unit, seen);
  if (n_groups_ > 0) draw_groups(unit, seen);
}

void FieldDraw::draw_rectangle(Index unit, Vector<bool>& seen) const {
  const auto position = static_cast<std::uint64_t>(2 * unit);
  const RandomWords sizes = random_words(stream_, position);
  const RandomWords corner = random_words(stream_, position + 1);
  const Index height = fields_.least + random_index(sizes.first, fields_.rows - fields_.least + 1);
  const Index width = fields_.least + random_index(sizes.second, fields_.cols - fields_.least + 1);
  const Index top = random_index(corner.first, fields_.rows - height + 1);
  const Index left = random_index(corner.second, fields_.cols - width + 1);
  for (Index y = 0; y < fields_.rows; ++y) {
    for (Index x = 0; x < fields_.cols; ++x) {
      if (y >= top && y < top + height && x >= left && x < left + width) continue;
      seen.segment((y * fields_.cols + x) * fields_.channels, fields_.channels).setConstant(false);
    }
  }
}

// Small sets are as likely as large ones by ratio, so that units of few columns, which fit axis-aligned structure, and
// units of many are both there. Selection sampling (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S).
void FieldDraw::draw_groups(Index unit, Vector<bool>& seen) const {
  const auto position = static_cast<std::uint64_t>(unit * (n_groups_ + 1));
  const double size =
      std::ceil(std::pow(static_cast<double>(n_groups_), random_unit(random_words(stream_, position).first)));
  Index wanted = std::clamp<Index>(static_cast<Index>(size), 1, n_groups_);
  Vector<bool> chosen(n_groups_);
  for (Index g = 0; g < n_groups_; ++g) {
    const RandomWords words = random_words(stream_, position + 1 + static_cast<std::uint64_t>(g));
    chosen(g) = random_index(words.first, n_groups_ - g) < wanted;
    if (chosen(g)) --wanted;
  }
  for (std::size_t j = 0; j < fields_.groups.size(); ++j) seen(static_cast<Index>(j)) = chosen(fields_.groups[j]);
}

}  // namespace sstpl
