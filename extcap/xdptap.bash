# SPDX-License-Identifier: MIT
# Completion for bash: options, interfaces, and the running kernel's reasons for drops.
_xdptap()
{
	local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
	[ "$word" != = ] || word=
	[ "$option" != = ] || option=${COMP_WORDS[COMP_CWORD - 2]}
	COMPREPLY=()
	case $option in
	--reason | --not-reason) # a list: its last name
		mapfile -t COMPREPLY < <(compgen -P "${word%"${word##*,}"}" \
			-W "$("$1" --list-reasons 2>/dev/null | cut -d ' ' -f 1)" -- "${word##*,}")
		compopt -o nospace 2>/dev/null
		;;
	--process-name)
		mapfile -t COMPREPLY < <(compgen -W "$(cat /proc/[0-9]*/comm 2>/dev/null | grep -v ' ' | sort -u)" -- "$word")
		;;
	--pid)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && echo [0-9]*)" -- "$word")
		;;
	--uid)
		mapfile -t COMPREPLY < <(compgen -u -- "$word")
		;;
	-i | --interface)
		mapfile -t COMPREPLY < <(compgen -W "any $("$1" -D 2>/dev/null | sed -n 's/^ *[0-9]*\. *\([^ ]*\).*/\1/p')" \
			-- "$word")
		;;
	*)
		if [[ $word = -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$("$1" --help 2>/dev/null | grep -o -e '--[a-z-]*' | sort -u)" -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		fi
		;;
	esac
}
complete -F _xdptap xdptap
