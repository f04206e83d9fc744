#!/usr/bin/env bash
# Sets up a Redmine in .peers/redmine: Debian's package unpacked beside the system, with its own SQLite database,
# two projects and the administrator's key. Its package is not installed: configuring it wants a web server's
# user and a bundle that Debian's own gems do not make.
# `--system` installs what it needs and fetches it (needs root); without it, it is only made ready if it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

home=$PWD/.peers/redmine
app=$home/app/usr/share/redmine

if [ "${1:-}" = --system ] && [ ! -e "$home/installed" ]; then
  export DEBIAN_FRONTEND=noninteractive
  needed=$(apt-cache depends redmine | awk '/^ *Depends: ruby-[a-z]/ { print $2 }')
  # shellcheck disable=SC2086  # a list of packages
  apt-get install -y -qq --no-install-recommends ruby ruby-webrick ruby-sqlite3 $needed > /dev/null
  rm -rf "$home"
  mkdir -p "$home/package"
  (cd "$home/package" && apt-get download -qq redmine)
  dpkg-deb -x "$home"/package/redmine_*.deb "$home/app"
fi

if [ ! -d "$app" ]; then
  echo "redmine: missing; as root: tools/peers.sh --system"
  exit 0
fi
if [ ! -e "$home/installed" ]; then
  cd "$app"
  instance=instances/default
  rm -rf Gemfile.lock config/database.yml instances
  mkdir -p $instance/config $instance/tmp/cache $instance/log $instance/files $instance/plugins
  echo "gem 'webrick'" > Gemfile.local
  printf 'production:\n  adapter: sqlite3\n  database: <%%= ENV.fetch("REDMINE_DATABASE") %%>\n' \
    | tee config/database.yml > $instance/config/database.yml
  printf '%0128d' 7 > $instance/config/secret_key.txt
  cat > "$home/seed.rb" << 'RUBY'
Redmine::DefaultData::Loader.load('en')
Setting.rest_api_enabled = '1'
admin = User.find_by_login('admin')
admin.update_columns(must_change_passwd: false)
token = Token.create!(user: admin, action: 'api')
Token.where(id: token.id).update_all(value: 'a' * 40)
%w[integrations other].each do |name|
  project = Project.create!(name: name, identifier: name, is_public: true)
  project.trackers = Tracker.all
  project.enabled_module_names = ['issue_tracking']
end
RUBY
  export HOME=$home RAILS_ENV=production REDMINE_INSTANCE=default REDMINE_LANG=en SCHEMA=/dev/null
  export REDMINE_DATABASE=$home/redmine.sqlite3
  rm -f "$REDMINE_DATABASE"
  bundle exec rake db:migrate > "$home/setup.log" 2>&1
  bundle exec rails runner "$home/seed.rb" >> "$home/setup.log" 2>&1
  touch "$home/installed"
fi
echo "redmine: $app"
